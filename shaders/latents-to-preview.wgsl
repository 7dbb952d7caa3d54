// Latents to a small picture: rgb[k] = Σ_c map[k, c] · latents[c] + map[k, C], a pixel for every latent pixel: src/pipeline/preview.ts in f32.
//
// Layouts: x [C, T, h, w] f32, the estimate of the clean latents; map [3, C + 1] row-major f32, the last column the bias; y [T, h, w], one
// RGBA pixel a word, red lowest, alpha 255; colours are clamped and rounded, half to even. One thread a pixel, grid-strided, 64 a group.

struct Params {
  channels: u32,
  pixels: u32, // T · h · w
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> map: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  let row = params.channels + 1u;
  for (var i = id.x; i < params.pixels; i += groups.x * 64u) {
    var rgb = vec3<f32>(map[params.channels], map[row + params.channels], map[2u * row + params.channels]);
    for (var c = 0u; c < params.channels; c++) {
      rgb = fma(vec3<f32>(map[c], map[row + c], map[2u * row + c]), vec3<f32>(x[c * params.pixels + i]), rgb);
    }
    let levels = vec3<u32>(round(clamp(255.0 * rgb, vec3<f32>(0.0), vec3<f32>(255.0))));
    y[i] = levels.x | (levels.y << 8u) | (levels.z << 16u) | 0xff000000u;
  }
}
