/** Figures as Markdown tables. */
const PHASES = ['download', 'load', 'encode-prompt', 'denoise', 'decode', 'encode-video', 'total'];

function table(title, head, rows) {
  return [
    `### ${title}`,
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map(() => ' --- |').join('')}`,
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const seconds = (value) => (value === undefined ? '0' : value.toFixed(2));
const megabytes = (bytes) => (bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

export function clipTable({ exact, fast }) {
  const stored = ({ first }) => first.total - (first.download ?? 0);
  const columns = [exact, fast].flatMap(({ first, runs }) => [
    (phase) => first[phase],
    (phase) => median(runs.map((run) => run[phase] ?? 0)),
  ]);
  return [
    table(
      'From click to playable, storybook at its defaults (seconds)',
      ['phase', '`exact`, first clip', '`exact`, later clips (median)', '`fast`, first clip', '`fast`, later clips (median)'],
      PHASES.map((phase) => [phase, ...columns.map((column) => seconds(column(phase)))]),
    ),
    '',
    `With the weights stored, the first clip after opening the page takes ${seconds(stored(exact))} s (\`exact\`) or ${seconds(stored(fast))} s (\`fast\`): the table’s total less the download, which here came from the same machine. Peak resident memory of the page’s process: ${exact.peakMemoryBytes ? megabytes(exact.peakMemoryBytes) : 'not measured'} (\`exact\`), ${fast.peakMemoryBytes ? megabytes(fast.peakMemoryBytes) : 'not measured'} (\`fast\`).`,
  ].join('\n');
}

export function visitTable({ first, later, bytes }) {
  const task = (visits) => {
    const longest = median(visits.map(({ longestTaskMs }) => longestTaskMs));
    return longest === 0 ? 'under 50 ms' : `${Math.round(longest)} ms`;
  };
  const paint = (visits) => `${Math.round(median(visits.map(({ firstPaintMs }) => firstPaintMs)))} ms`;
  return [
    table(
      'The page itself, storybook at its defaults, `exact`, wasm',
      ['visit', 'first paint', 'from click to playable', 'longest task of the page meanwhile'],
      [
        ['first (model downloaded from the same machine)', paint([first]), `${seconds(first.seconds)} s`, task([first])],
        [
          'later (weights stored, page just opened; median)',
          paint(later),
          `${seconds(median(later.map((visit) => visit.seconds)))} s`,
          task(later),
        ],
      ],
    ),
    '',
    `Up to its first clip a visitor is sent ${megabytes(bytes.shellBytes + bytes.runtimeBytes + bytes.modelBytes)}, gzipped where that helps: page and scripts ${megabytes(bytes.shellBytes)} (the other screens and file formats among them, kept for offline while nothing else is done), the runtime’s wasm ${megabytes(bytes.runtimeBytes)}, the model ${megabytes(bytes.modelBytes)}. The page makes a stored model ready while the prompt is typed.`,
  ].join('\n');
}

/** Network of networks.ts → network of pytorch.py, and what a call is. */
const BASELINES = {
  step: ['transformer', 'transformer, one step of the default clip'],
  minilm15: ['textEncoder', 'MiniLM, 15 tokens'],
  decode: ['decoder', 'autoencoder, decode the default clip'],
  encode: ['encoder', 'autoencoder, encode the default clip'],
};

export function networkTable({ before, exact, fast, after }) {
  const rows = Object.entries(BASELINES).map(([name, [baseline, words]]) => {
    const best = (times) => times.find(({ network }) => network === name).best;
    const torch = before && after ? Math.min(before[baseline].min, after[baseline].min) : null;
    const share = (ms) => (torch === null ? 'no PyTorch here' : (torch / ms).toFixed(2));
    return [
      words,
      torch === null ? '' : torch.toFixed(1),
      best(exact).toFixed(1),
      share(best(exact)),
      best(fast).toFixed(1),
      share(best(fast)),
    ];
  });
  return [
    table(
      'Each network, one call: wasm (in Node) against native PyTorch f32 on as many threads (fastest of the runs, ms; speed as a share of PyTorch’s)',
      ['network', 'PyTorch', '`exact`', 'share', '`fast`', 'share'],
      rows,
    ),
    '',
    'The step leaves out the keys and values of cross-attention, which Kinora computes once a prompt and diffusers at every step.',
  ].join('\n');
}

export function budgetTable(rows) {
  if (rows === null) return 'Error budget: not measured, MiniLM’s weights as published are not at hand (KINORA_MINILM).';
  const percent = (value) => `${(100 * value).toFixed(2)} %`;
  return table(
    'Error budget on 8 prompts, against `exact` arithmetic on the f16 weights',
    ['weights', 'precision', 'first step, mean', 'first step, worst', 'frames PSNR, mean', 'frames PSNR, worst'],
    rows.map((row) => [
      row.weights,
      `\`${row.precision}\``,
      percent(row.stepErrorMean),
      percent(row.stepErrorWorst),
      `${row.psnrMean.toFixed(1)} dB`,
      `${row.psnrWorst.toFixed(1)} dB`,
    ]),
  );
}

export function sizeTable({ shellGzipBytes, modelBytes, runtimes }) {
  return table(
    'What a visitor downloads',
    ['what', 'bytes', 'gzipped'],
    [
      ['app shell: what the page starts with, offline too', '', megabytes(shellGzipBytes)],
      ...runtimes.map(({ name, bytes, gzipBytes }) => [
        `onnxruntime-web: ${name.replace(/^assets\//, '').replace(/-[\w-]{8}\.wasm$/, '.wasm')} (one of these)`,
        megabytes(bytes),
        megabytes(gzipBytes),
      ]),
      ['bundled model', megabytes(modelBytes), 'as it is'],
    ],
  );
}

export function wgslSection(drivers) {
  const missing = drivers.filter(({ tables }) => tables === null).map(({ driver, reason }) => `${driver} (${reason})`);
  return [
    '### Our WGSL kernels through Dawn in Node, a section for every adapter',
    ...drivers.flatMap(({ tables }) => (tables === null ? [] : [tables])),
    ...(missing.length > 0 ? [`Not measured here: ${missing.join('; ')}`] : []),
  ].join('\n\n');
}

/** Networks by backend; times are of interleaved runs of one page. */
export function backendSection({ adapter, f16, threads, rows }) {
  const networks = [...new Set(rows.map(({ network }) => network))];
  const ms = (value) => (value === null ? '' : value.toFixed(0));
  const ratio = (row) => {
    const ours = rows.find(({ network, backend }) => network === row.network && backend === 'wgsl');
    return row.best === null ? '' : (row.best / ours.best).toFixed(2);
  };
  const refused = rows.filter(({ best }) => best === null);
  return [
    table(
      `The backends in one page: ${adapter}, \`exact\`, wasm with ${threads} threads, interleaved runs`,
      ['network', 'backend', 'first run, ms', 'best', 'median', 'of wgsl’s best', 'difference to wgsl, max / rms of rms'],
      networks.flatMap((network) =>
        rows
          .filter((row) => row.network === network && row.best !== null)
          .map((row) => [
            row.network,
            row.backend,
            ms(row.first),
            ms(row.best),
            ms(row.median),
            ratio(row),
            row.difference ? row.difference.map((value) => value.toExponential(1)).join(' / ') : '',
          ]),
      ),
    ),
    ...(refused.length > 0
      ? [
          `onnxruntime-web refuses graph capture for ${refused.map(({ network }) => network).join(', ')}: ${refused[0].reason.replaceAll(/\s+/g, ' ')}`,
        ]
      : []),
    ...(f16 ? [] : ['This adapter has no `shader-f16`: there is nothing to measure in f16.']),
  ].join('\n\n');
}
