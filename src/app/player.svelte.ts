/** The part of a video element that the player steers. */
export interface VideoLike {
  currentTime: number;
  play(): Promise<void>;
  pause(): void;
}

/**
 * A moment within a frame: a quarter into it. Not its start (rounding could land on the frame before), nor its middle: Chromium
 * rounds a seek to the track's time units, which are whole frames, and shows the next frame when that is a key frame.
 */
export function momentOf(frame: number, fps: number): number {
  return (frame + 0.25) / fps;
}

/** Plays a clip in a loop, and steps through it frame by frame. Frames count from 0. */
export class Player {
  #frame = $state(0);
  #playing = $state(false);
  #video: VideoLike | null = null;
  readonly frames: number;
  readonly fps: number;

  constructor(frames: number, fps: number) {
    this.frames = frames;
    this.fps = fps;
  }

  get frame(): number {
    return this.#frame;
  }

  get playing(): boolean {
    return this.#playing;
  }

  /** Binds the element; resolves once it plays (or was refused: then it waits, paused, for the user). */
  async attach(video: VideoLike, autoplay: boolean): Promise<void> {
    this.#video = video;
    if (autoplay) await this.play();
  }

  detach(): void {
    this.#video?.pause();
    this.#video = null;
    this.#playing = false;
  }

  /** Told by the element which moment it shows. */
  showed(mediaTimeSeconds: number): void {
    if (this.#playing) this.#frame = this.#clamp(Math.round(mediaTimeSeconds * this.fps));
  }

  async play(): Promise<void> {
    this.#playing = true;
    try {
      await this.#video?.play();
    } catch {
      this.#playing = false; // Autoplay refused, or the element went away: the play button stays.
    }
  }

  pause(): void {
    this.#playing = false;
    this.#video?.pause();
    this.seek(this.#frame);
  }

  toggle(): void {
    if (this.#playing) this.pause();
    else void this.play();
  }

  /** Shows one frame, paused. */
  seek(frame: number): void {
    this.#playing = false;
    this.#frame = this.#clamp(frame);
    if (!this.#video) return;
    this.#video.pause();
    this.#video.currentTime = momentOf(this.#frame, this.fps);
  }

  /** Goes on by so many frames, round the end. */
  step(by: number): void {
    this.seek((((this.#frame + by) % this.frames) + this.frames) % this.frames);
  }

  #clamp(frame: number): number {
    return Math.min(this.frames - 1, Math.max(0, frame));
  }
}
