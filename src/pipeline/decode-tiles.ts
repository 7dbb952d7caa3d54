/** Part of a picture, in latent pixels: the window that is decoded, and within it the part that is kept. */
export interface Tile {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
  readonly core: { readonly top: number; readonly left: number; readonly height: number; readonly width: number };
}

/**
 * Cuts latents of height × width into squares of `side`, each decoded with `reach` pixels round it, beyond which nothing changes it: so the
 * pieces fit together as if decoded whole. All windows have one size, so that one plan of kernels and memory serves them.
 */
export function planTiles(height: number, width: number, side: number, reach: number): readonly Tile[] {
  const rows = cut(height, side, reach);
  const columns = cut(width, side, reach);
  return rows.flatMap((row) =>
    columns.map((column) => ({
      top: row.start,
      left: column.start,
      height: row.size,
      width: column.size,
      core: { top: row.core, left: column.core, height: row.coreSize, width: column.coreSize },
    })),
  );
}

function cut(length: number, side: number, reach: number): { start: number; size: number; core: number; coreSize: number }[] {
  const size = Math.min(length, side + 2 * reach);
  if (size === length) return [{ start: 0, size, core: 0, coreSize: length }];
  return Array.from({ length: Math.ceil(length / side) }, (_, index) => {
    const core = index * side;
    return { start: Math.max(0, Math.min(core - reach, length - size)), size, core, coreSize: Math.min(side, length - core) };
  });
}

/** The latents [1, C, height, width] of a tile in frame t of a clip's latents [C, T, H, W]. */
export function tileLatents(
  { data, shape }: { readonly data: Float32Array; readonly shape: readonly [number, number, number, number] },
  t: number,
  { top, left, height, width }: Tile,
): Float32Array {
  const [channels, frames, fullHeight, fullWidth] = shape;
  const values = new Float32Array(channels * height * width);
  for (let c = 0; c < channels; c++)
    for (let y = 0; y < height; y++) {
      const from = ((c * frames + t) * fullHeight + top + y) * fullWidth + left;
      values.set(data.subarray(from, from + width), (c * height + y) * width);
    }
  return values;
}

/** Copies the core of a decoded tile, planes [N, 3, height·scale, width·scale], into planes of the whole picture. */
export function placeTile(planes: Float32Array, tile: Tile, whole: Float32Array, height: number, width: number, scale: number): void {
  const { core } = tile;
  const [tileHeight, tileWidth] = [tile.height * scale, tile.width * scale];
  const count = planes.length / (tileHeight * tileWidth);
  for (let plane = 0; plane < count; plane++)
    for (let y = 0; y < core.height * scale; y++) {
      const from = (plane * tileHeight + (core.top - tile.top) * scale + y) * tileWidth + (core.left - tile.left) * scale;
      const to = (plane * height * scale + core.top * scale + y) * width * scale + core.left * scale;
      whole.set(planes.subarray(from, from + core.width * scale), to);
    }
}
