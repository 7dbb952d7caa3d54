/** gifenc 1.0.3 ships no types; these are of what is used here. */
declare module 'gifenc' {
  type Palette = number[][];
  type ColourFormat = 'rgb565' | 'rgb444' | 'rgba4444';
  interface GifStream {
    writeByte(byte: number): void;
    writeBytes(bytes: Uint8Array | readonly number[]): void;
  }
  interface Gif {
    readonly stream: GifStream;
    /** `delay` in milliseconds; `repeat` 0 loops for ever. */
    writeFrame(index: Uint8Array, width: number, height: number, options: { palette: Palette; delay: number; repeat?: number }): void;
    finish(): void;
    bytes(): Uint8Array<ArrayBuffer>;
  }
  export function GIFEncoder(): Gif;
  export function quantize(rgba: Uint8Array | Uint8ClampedArray, maxColours: number, options?: { format?: ColourFormat }): Palette;
  export function applyPalette(rgba: Uint8Array | Uint8ClampedArray, palette: Palette, format?: ColourFormat): Uint8Array;
}
