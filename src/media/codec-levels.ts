import { KinoraError } from '../errors';
import { i420SizeBytes } from './i420';

/** What a video stream asks of a decoder. */
export interface StreamSize {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
}

/** Throws `invalid-spec` for odd or empty sizes, and for rates that are not whole: the container's clock ticks once a frame. */
export function checkStreamSize({ width, height, fps }: StreamSize): void {
  i420SizeBytes(width, height);
  if (!Number.isInteger(fps) || fps < 1 || fps > 240)
    throw new KinoraError('invalid-spec', `A clip can't have ${fps} frames a second.`, 'Choose a whole number from 1 to 240.');
}

interface AvcLevel {
  readonly idc: number;
  /** Macroblocks (16 x 16) a second, macroblocks a frame, and 1000 bits a second in the Baseline and Main profiles. */
  readonly maxMbps: number;
  readonly maxFs: number;
  readonly maxBr: number;
}

/** ITU-T H.264, Table A-1, without level 1b. `idc` is level_idc: ten times the level. */
const AVC_LEVELS: readonly AvcLevel[] = [
  { idc: 10, maxMbps: 1485, maxFs: 99, maxBr: 64 },
  { idc: 11, maxMbps: 3000, maxFs: 396, maxBr: 192 },
  { idc: 12, maxMbps: 6000, maxFs: 396, maxBr: 384 },
  { idc: 13, maxMbps: 11880, maxFs: 396, maxBr: 768 },
  { idc: 20, maxMbps: 11880, maxFs: 396, maxBr: 2000 },
  { idc: 21, maxMbps: 19800, maxFs: 792, maxBr: 4000 },
  { idc: 22, maxMbps: 20250, maxFs: 1620, maxBr: 4000 },
  { idc: 30, maxMbps: 40500, maxFs: 1620, maxBr: 10000 },
  { idc: 31, maxMbps: 108000, maxFs: 3600, maxBr: 14000 },
  { idc: 32, maxMbps: 216000, maxFs: 5120, maxBr: 20000 },
  { idc: 40, maxMbps: 245760, maxFs: 8192, maxBr: 20000 },
  { idc: 41, maxMbps: 245760, maxFs: 8192, maxBr: 50000 },
  { idc: 42, maxMbps: 522240, maxFs: 8704, maxBr: 50000 },
  { idc: 50, maxMbps: 589824, maxFs: 22080, maxBr: 135000 },
  { idc: 51, maxMbps: 983040, maxFs: 36864, maxBr: 240000 },
  { idc: 52, maxMbps: 2073600, maxFs: 36864, maxBr: 240000 },
  { idc: 60, maxMbps: 4177920, maxFs: 139264, maxBr: 240000 },
  { idc: 61, maxMbps: 8355840, maxFs: 139264, maxBr: 480000 },
  { idc: 62, maxMbps: 16711680, maxFs: 139264, maxBr: 800000 },
];

/**
 * The lowest H.264 level_idc that holds a stream: frame size (MaxFS, and each side at most sqrt(8 MaxFS), A.3.1 f and g),
 * macroblock rate (MaxMBPS) and bitrate (MaxBR). Throws `unsupported` above level 6.2.
 *
 * @param bitrate bits a second
 */
export function avcLevel({ width, height, fps }: StreamSize, bitrate: number): number {
  const columns = Math.ceil(width / 16);
  const rows = Math.ceil(height / 16);
  const level = AVC_LEVELS.find(
    ({ maxMbps, maxFs, maxBr }) =>
      columns * rows <= maxFs &&
      Math.max(columns, rows) <= Math.sqrt(8 * maxFs) &&
      columns * rows * fps <= maxMbps &&
      bitrate <= maxBr * 1000,
  );
  if (!level) throw tooLarge(width, height, fps);
  return level.idc;
}

interface PictureLevel {
  readonly id: number;
  /** Luma samples a picture, its longer side, and luma samples a second. */
  readonly maxPicture: number;
  readonly maxSide: number;
  readonly maxRate: number;
}

/** VP9 levels ("VP9 Levels and Decoder Testing", webmproject.org/vp9/levels): picture size, longest side, sample rate. */
const VP9_LEVELS: readonly PictureLevel[] = [
  { id: 10, maxPicture: 36864, maxSide: 512, maxRate: 829440 },
  { id: 11, maxPicture: 73728, maxSide: 768, maxRate: 2764800 },
  { id: 20, maxPicture: 122880, maxSide: 960, maxRate: 4608000 },
  { id: 21, maxPicture: 245760, maxSide: 1344, maxRate: 9216000 },
  { id: 30, maxPicture: 552960, maxSide: 2048, maxRate: 20736000 },
  { id: 31, maxPicture: 983040, maxSide: 2752, maxRate: 36864000 },
  { id: 40, maxPicture: 2228224, maxSide: 4160, maxRate: 83558400 },
  { id: 41, maxPicture: 2228224, maxSide: 4160, maxRate: 160432128 },
  { id: 50, maxPicture: 8912896, maxSide: 8384, maxRate: 311951360 },
  { id: 51, maxPicture: 8912896, maxSide: 8384, maxRate: 588251136 },
  { id: 52, maxPicture: 8912896, maxSide: 8384, maxRate: 1176502272 },
];

/** AV1 levels (AV1 specification, A.3), by seq_level_idx; 2.2, 2.3, 3.2, 3.3, 4.2 and 4.3 are not defined. */
const AV1_LEVELS: readonly PictureLevel[] = [
  { id: 0, maxPicture: 147456, maxSide: 2048, maxRate: 4423680 },
  { id: 1, maxPicture: 278784, maxSide: 2816, maxRate: 8363520 },
  { id: 4, maxPicture: 665856, maxSide: 4352, maxRate: 19975680 },
  { id: 5, maxPicture: 1065024, maxSide: 5504, maxRate: 31950720 },
  { id: 8, maxPicture: 2359296, maxSide: 6144, maxRate: 70778880 },
  { id: 9, maxPicture: 2359296, maxSide: 6144, maxRate: 141557760 },
  { id: 12, maxPicture: 8912896, maxSide: 8192, maxRate: 267386880 },
  { id: 13, maxPicture: 8912896, maxSide: 8192, maxRate: 534773760 },
  { id: 14, maxPicture: 8912896, maxSide: 8192, maxRate: 1069547520 },
];

/** The lowest VP9 level (ten times its number) that holds a stream. Throws `unsupported` above 5.2. */
export function vp9Level(size: StreamSize): number {
  return pictureLevel(VP9_LEVELS, size);
}

/** The lowest AV1 seq_level_idx that holds a stream. Throws `unsupported` above level 5.2. */
export function av1Level(size: StreamSize): number {
  return pictureLevel(AV1_LEVELS, size);
}

function pictureLevel(levels: readonly PictureLevel[], { width, height, fps }: StreamSize): number {
  const level = levels.find(
    ({ maxPicture, maxSide, maxRate }) =>
      width * height <= maxPicture && Math.max(width, height) <= maxSide && width * height * fps <= maxRate,
  );
  if (!level) throw tooLarge(width, height, fps);
  return level.id;
}

function tooLarge(width: number, height: number, fps: number): KinoraError {
  return new KinoraError(
    'unsupported',
    `No video format holds ${width} x ${height} at ${fps} frames a second.`,
    'Choose a smaller size, a lower frame rate or a smaller export scale.',
  );
}
