/** As many posters as stay at hand: a few screens of them. */
const MAX_KEPT = 240;

/** URLs of pictures by clip, so that scrolling back shows them at once. The oldest are given up first. */
export class ObjectUrls {
  readonly #urls = new Map<string, Promise<string | null>>();
  readonly #load: (id: string) => Promise<Blob | null>;

  constructor(load: (id: string) => Promise<Blob | null>) {
    this.#load = load;
  }

  /** The URL of a clip's picture, or null where it has none. Never rejects. */
  get(id: string): Promise<string | null> {
    let url = this.#urls.get(id);
    if (!url) {
      url = this.#load(id).then(
        (blob) => blob && URL.createObjectURL(blob),
        () => null,
      );
    }
    // Last in the map is used last.
    this.#urls.delete(id);
    this.#urls.set(id, url);
    for (const [oldest] of this.#urls) {
      if (this.#urls.size <= MAX_KEPT) break;
      this.#drop(oldest);
    }
    return url;
  }

  close(): void {
    for (const id of [...this.#urls.keys()]) this.#drop(id);
  }

  #drop(id: string): void {
    void this.#urls.get(id)?.then((url) => url && URL.revokeObjectURL(url));
    this.#urls.delete(id);
  }
}
