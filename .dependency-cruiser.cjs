/** Imports go one way (docs/architecture.md): a file may import from its own folder, from src/errors.ts, and from the folders named here. */
const ALLOWED = {
  graph: [],
  weights: ['graph'],
  networks: ['graph'],
  sampling: ['graph'],
  tokenizers: [],
  'backends/ort': ['graph'],
  'backends/wgsl': ['graph'],
  pipeline: ['networks', 'sampling', 'tokenizers', 'graph'],
  media: [],
  library: [],
  engine: ['pipeline', 'networks', 'sampling', 'backends/ort', 'backends/wgsl', 'weights', 'media', 'library', 'graph', 'tokenizers'],
  app: ['engine'],
};
const escape = (text) => text.replace('/', '\\/');

module.exports = {
  forbidden: [
    {
      name: 'no-orphans',
      comment: 'Code that nothing imports: entries of the build are named here.',
      severity: 'error',
      from: { orphan: true, path: '^src/', pathNot: '\\.d\\.ts$|^src/service-worker\\.ts$' },
      to: {},
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    ...Object.entries(ALLOWED).map(([folder, allowed]) => ({
      name: `${folder.replace('/', '-')}-imports-one-way`,
      severity: 'error',
      from: { path: `^src/${escape(folder)}/` },
      to: { path: '^src/', pathNot: ['^src/errors\\.ts$', ...[folder, ...allowed].map((name) => `^src/${escape(name)}/`)] },
    })),
    { name: 'svelte-only-in-app', severity: 'error', from: { path: '^src/', pathNot: '^src/app/' }, to: { path: 'node_modules/svelte' } },
    ...Object.entries({
      'onnxruntime-web': 'backends/ort',
      'mp4-muxer': 'media',
      mediabunny: 'media',
      '@huggingface/tokenizers': 'tokenizers',
      protobufjs: 'backends/ort',
      'idb-keyval': '(weights|engine|library)',
      comlink: 'engine',
    }).map(([library, folder]) => ({
      name: `${library.replace(/\W/g, '-')}-behind-one-folder`,
      severity: 'error',
      from: { path: '^src/', pathNot: `^src/${folder}/` },
      to: { path: `node_modules/${library}/` },
    })),
  ],
  options: { tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' }, doNotFollow: { path: 'node_modules' } },
};
