import { KinoraError } from '../errors';
import { GraphBuilder } from '../graph/builder';
import { multiplyDims } from '../graph/dims';
import type { Dim, Graph, Value, WeightSource } from '../graph/types';
import type { WeightScope } from '../graph/weight-scope';
import type { WanConfig } from './wan-config';
import { ropeAxisDims } from './wan-tables';

/*
 * The diffusion transformer of Wan2.1 and Wan2.2-TI2V (Wan: Open and Advanced Large-Scale Video Generative
 * Models, arXiv 2503.20314), as diffusers' WanTransformer3DModel computes it and with its weight names.
 *
 * F and S split the tokens: with one timestep for all (`merged`) F = 1 and S = all tokens; with a timestep per
 * latent frame F = T and S = tokens per frame, so that each frame's modulation is one vector for its S tokens.
 * Attention joins all F · S tokens either way.
 */

/** Whether one timestep serves the whole clip; true is Wan2.1, false allows frames with noise levels of their own. */
export interface WanLayout {
  readonly merged: boolean;
}

export interface WanStepOptions extends WanLayout {
  /** One graph, or a chain: embed, each block, head. */
  readonly grouping: 'whole' | 'layers';
  /** Whether intermediate results become outputs too, for comparison with other implementations. */
  readonly taps?: boolean;
}

/** F and S of clips of `latents` [C, T, H, W]: the leading dimensions of `sinusoid`, `ropeCos` and `ropeSin`. */
export function wanTokens(config: WanConfig, latents: readonly number[], { merged }: WanLayout): { F: number; S: number } {
  const [, frames = 0, height = 0, width = 0] = latents;
  const perFrame = (height / config.patch) * (width / config.patch);
  return merged ? { F: 1, S: frames * perFrame } : { F: frames, S: perFrame };
}

/**
 * What of the prompt the blocks look at: `context` [L, textDim] → `crossK.<i>`, `crossV.<i>` [L, D] of every
 * block. Constant over the denoising steps, so computed once per prompt. Rows beyond the prompt's tokens are
 * zeros in `context` and take part: there is no mask.
 */
export function wanContext(weights: WeightSource, config: WanConfig, options: { readonly taps?: boolean } = {}): Graph {
  const g = new GraphBuilder('wan.context', weights, options);
  const context = g.input('context', ['L', config.textDim]);
  const text = g.weights.at('condition_embedder', 'text_embedder');
  const rows = text.linear(g.gelu(text.linear(context, 'linear_1'), 'tanh'), 'linear_2'); // [L, D]
  g.tap('text_embed', rows);
  for (let i = 0; i < config.layers; i++) {
    const attn = g.weights.at('blocks', i, 'attn2');
    g.output(`crossK.${i}`, attn.rmsNorm(attn.linear(rows, 'to_k'), 'norm_k', config.eps)); // [L, D]
    g.output(`crossV.${i}`, attn.linear(rows, 'to_v')); // [L, D]
  }
  return g.build();
}

/**
 * What is added to every token for its place in time, height and width: `ropeCos` and `ropeSin` [F, S, headDim / 2] (see `ropeTables`) → `places`
 * [F, S, D], linear maps of the tables that queries and keys are turned by. Null where the configuration has none. Constant for a clip's shape.
 *
 * Rotary embedding alone tells only how far tokens are apart, and in pure noise nothing else tells where one is. Products of the frame's and the
 * column's angles add up to those of column minus and plus frame, in which what crosses the picture stands still.
 */
export function wanPlaces(weights: WeightSource, config: WanConfig): Graph | null {
  if (!config.positionEmbedding) return null;
  const g = new GraphBuilder('wan.places', weights);
  const { cos, sin } = ropeInputs(g, config, ['F', 'S']);
  const turns = ropeAxisDims(config.headDim)[2] / 2;
  const [frameCos, frameSin] = [g.slice(cos, 2, 0, turns), g.slice(sin, 2, 0, turns)];
  const [columnCos, columnSin] = [g.slice(cos, 2, -turns), g.slice(sin, 2, -turns)];
  const products = [g.mul(frameCos, columnCos), g.mul(frameSin, columnSin), g.mul(frameSin, columnCos), g.mul(frameCos, columnSin)];
  const maps = { cos, sin, travel: g.concat(products, 2) }; // [F, S, headDim / 2], the same, [F, S, 4 · turns]
  const w = g.weights.at('position_embedding');
  g.output(
    'places',
    Object.entries(maps)
      .map(([name, table]) => w.linear(table, name, { bias: false }))
      .reduce((sum, part) => g.add(sum, part)),
  );
  return g.build();
}

/**
 * One evaluation of the transformer. Inputs: `latents` [C, T, H, W], `sinusoid` [F, freqDim] (see
 * `timestepSinusoid`), `ropeCos` and `ropeSin` [F, S, headDim / 2] (see `ropeTables`), and the outputs of `wanContext` and `wanPlaces`.
 * Output: `velocity` [C, T, H, W], the model's estimate of noise − clip. Throws `invalid-file` on weights that the configuration leaves out.
 */
export function wanStep(weights: WeightSource, config: WanConfig, options: WanStepOptions): Graph[] {
  if (!config.positionEmbedding && weights.has('position_embedding.cos.weight'))
    throw new KinoraError(
      'invalid-file',
      'The transformer has weights that tell tokens their place, and its configuration says that it has none.',
      'Use the configuration that belongs to these weights.',
    );
  return options.grouping === 'whole' ? [wholeStep(weights, config, options)] : layeredStep(weights, config, options);
}

function wholeStep(weights: WeightSource, config: WanConfig, options: WanStepOptions): Graph {
  const g = new GraphBuilder('wan.step', weights, options);
  const latents = latentsInput(g, config);
  const embedded = embed(g, config, latents, options);
  const rope = ropeInputs(g, config, embedded.hidden.shape);
  let { hidden } = embedded;
  for (let i = 0; i < config.layers; i++) {
    hidden = wanBlock(
      g,
      g.weights.at('blocks', i),
      config,
      hidden,
      { modulation: embedded.modulation, rope, cross: crossInputs(g, config, i) },
      `block${i}`,
    );
    g.tap(`block${i}.out`, hidden);
  }
  g.output('velocity', head(g, config, hidden, embedded.timeEmbedding, latents));
  return g.build();
}

function layeredStep(weights: WeightSource, config: WanConfig, options: WanStepOptions): Graph[] {
  const first = new GraphBuilder('wan.embed', weights, options);
  const embedded = embed(first, config, latentsInput(first, config), options);
  first.output('hidden', embedded.hidden);
  first.output('modulation', embedded.modulation);
  first.output('timeEmbedding', embedded.timeEmbedding);

  const F = options.merged ? 1 : 'T';
  const blocks = Array.from({ length: config.layers }, (_, i) => {
    const g = new GraphBuilder(`wan.block${i}`, weights, options);
    const hidden = g.input('hidden', [F, 'S', config.dim]);
    const modulation = g.input('modulation', [F, 6, config.dim]);
    const rope = ropeInputs(g, config, hidden.shape);
    const out = wanBlock(g, g.weights.at('blocks', i), config, hidden, { modulation, rope, cross: crossInputs(g, config, i) }, `block${i}`);
    g.output('hidden', out);
    g.tap(`block${i}.out`, out);
    return g.build();
  });

  const last = new GraphBuilder('wan.head', weights, options);
  const hidden = last.input('hidden', [F, 'S', config.dim]);
  const timeEmbedding = last.input('timeEmbedding', [F, config.dim]);
  last.output('velocity', head(last, config, hidden, timeEmbedding, latentsInput(last, config)));
  return [first.build(), ...blocks, last.build()];
}

/** Latents' sizes are multiples of the patch. */
function latentsInput(g: GraphBuilder, { inChannels, patch }: WanConfig): Value {
  return g.input('latents', [inChannels, 'T', multiplyDims(patch, 'h'), multiplyDims(patch, 'w')]);
}

/** The tables for tokens [F, S, …]. */
function ropeInputs(g: GraphBuilder, { headDim }: WanConfig, tokens: readonly Dim[]): { cos: Value; sin: Value } {
  const [F, S] = tokens as [Dim, Dim];
  return { cos: g.input('ropeCos', [F, S, headDim / 2]), sin: g.input('ropeSin', [F, S, headDim / 2]) };
}

function crossInputs(g: GraphBuilder, { dim }: WanConfig, block: number): { k: Value; v: Value } {
  return { k: g.input(`crossK.${block}`, ['L', dim]), v: g.input(`crossV.${block}`, ['L', dim]) };
}

/** Patches to tokens, and the timestep to modulation. */
function embed(g: GraphBuilder, config: WanConfig, latents: Value, { merged }: WanLayout) {
  const { dim, patch } = config;
  const patches = g.patchify(latents, { patch, merged }); // [F, S, C·p²]
  const embedded = g.weights.linear(patches, 'patch_embedding', { flatten: true }); // [F, S, D]
  g.tap('patch_embed', embedded);
  const hidden = config.positionEmbedding ? g.add(embedded, g.input('places', embedded.shape)) : embedded;

  const F = merged ? 1 : latents.shape[1]!;
  const sinusoid = g.input('sinusoid', [F, config.freqDim]);
  const w = g.weights.at('condition_embedder');
  const time = w.at('time_embedder');
  const timeEmbedding = time.linear(g.silu(time.linear(sinusoid, 'linear_1')), 'linear_2'); // [F, D]
  g.tap('temb', timeEmbedding);
  const modulation = g.reshape(w.linear(g.silu(timeEmbedding), 'time_proj'), [F, 6, dim]); // [F, 6, D]
  g.tap('timestep_proj', modulation);
  return { hidden, timeEmbedding, modulation };
}

interface BlockInputs {
  /** [F, 6, D]: shift, scale and gate of self-attention, then of the feed-forward. */
  readonly modulation: Value;
  readonly rope: { readonly cos: Value; readonly sin: Value };
  /** The prompt's keys and values, [L, D]. */
  readonly cross: { readonly k: Value; readonly v: Value };
}

/** x [F, S, D] → [F, S, D]: self-attention, cross-attention, feed-forward, each added to x; the outer two gated. */
function wanBlock(
  g: GraphBuilder,
  w: WeightScope,
  config: WanConfig,
  x: Value,
  { modulation, rope, cross }: BlockInputs,
  name: string,
): Value {
  const { eps } = config;
  const [shift, scale, gate, shiftFf, scaleFf, gateFf] = g.chunk(g.add(modulation, w.weight('scale_shift_table')), 1, 6) as SixValues; // [F, 1, D] each

  const h = g.modulate(g.layerNorm(x, eps), shift, scale); // [F, S, D]
  g.tap(`${name}.self_attn.in`, h);
  const attended = selfAttention(g, w.at('attn1'), config, h, rope, `${name}.self_attn`);
  x = g.gatedAdd(x, attended, gate);

  const n = w.layerNorm(x, 'norm2', eps); // the original's norm3
  g.tap(`${name}.cross_attn.in`, n);
  const looked = crossAttention(g, w.at('attn2'), config, n, cross);
  g.tap(`${name}.cross_attn.out`, looked);
  x = g.add(x, looked);

  const f = g.modulate(g.layerNorm(x, eps), shiftFf, scaleFf);
  g.tap(`${name}.ffn.in`, f);
  const fed = w.linear(g.gelu(w.linear(f, 'ffn.net.0.proj'), 'tanh'), 'ffn.net.2'); // [F, S, ffnDim] inside
  g.tap(`${name}.ffn.out`, fed);
  return g.gatedAdd(x, fed, gateFf);
}

type SixValues = [Value, Value, Value, Value, Value, Value];

/** q and k are RMS-normalised over all heads together, before they are split. */
function selfAttention(g: GraphBuilder, w: WeightScope, config: WanConfig, x: Value, rope: BlockInputs['rope'], name: string): Value {
  const { heads, headDim, eps } = config;
  const q = w.rmsNorm(w.linear(x, 'to_q'), 'norm_q', eps); // [F, S, D]
  const k = w.rmsNorm(w.linear(x, 'to_k'), 'norm_k', eps);
  g.tap(`${name}.q_norm`, q);
  g.tap(`${name}.k_norm`, k);
  const qTurned = g.rope(q, rope.cos, rope.sin, heads);
  const kTurned = g.rope(k, rope.cos, rope.sin, heads);
  g.tap(`${name}.q_rope`, qTurned);
  g.tap(`${name}.k_rope`, kTurned);
  const mixed = g.attention(qTurned, kTurned, w.linear(x, 'to_v'), { heads, scale: 1 / Math.sqrt(headDim) });
  const out = w.linear(mixed, 'to_out.0');
  g.tap(`${name}.out`, out);
  return out;
}

/** No rotary embedding here: the prompt's rows have no place in space. */
function crossAttention(
  g: GraphBuilder,
  w: WeightScope,
  { heads, headDim, eps }: WanConfig,
  x: Value,
  { k, v }: BlockInputs['cross'],
): Value {
  const q = w.rmsNorm(w.linear(x, 'to_q'), 'norm_q', eps); // [F, S, D]
  return w.linear(g.attention(q, k, v, { heads, scale: 1 / Math.sqrt(headDim) }), 'to_out.0');
}

/** Tokens to velocity. The head is modulated by the time embedding itself, not by its projection. */
function head(g: GraphBuilder, config: WanConfig, x: Value, timeEmbedding: Value, latents: Value): Value {
  const { dim, patch, eps } = config;
  const vector = g.reshape(timeEmbedding, [timeEmbedding.shape[0]!, 1, dim]); // [F, 1, D]
  const [shift, scale] = g.chunk(g.add(vector, g.weights.weight('scale_shift_table')), 1, 2) as [Value, Value];
  const tokens = g.weights.linear(g.modulate(g.layerNorm(x, eps), shift, scale), 'proj_out'); // [F, S, p²·C]
  g.tap('head_out', tokens);
  return g.unpatchify(tokens, latents, patch); // [C, T, H, W]
}
