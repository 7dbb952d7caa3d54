const TILE = 'f16 32x32 by 8x8 deep 32';
const FORMATS = ['f32', 'f16', 'i8g32', 'i8g16', 'i4g32'];

/**
 * Of the kernels of hardware adapters in f16 those that LLVM compiles in a second or two: small tiles, attention by subgroups.
 * `int8` leaves Q8_0 linears to the int8 kernel, the default of `fast`.
 */
export function fastChoices({ int8 }: { readonly int8: boolean }): Record<string, string> {
  return {
    ...Object.fromEntries(
      FORMATS.filter((format) => !int8 || format !== 'i8g32').flatMap((format) =>
        ['some', 'many'].map((rows) => [`gemm.${format}.${rows}`, TILE]),
      ),
    ),
    ...Object.fromEntries(
      [24, 64, 128].map((dim) => [`attention.${dim}.short`, `f16 16 keys by 4 split ${dim === 24 ? 2 : 4} by subgroups`]),
    ),
  };
}
