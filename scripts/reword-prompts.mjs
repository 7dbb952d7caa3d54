/**
 * `node scripts/reword-prompts.mjs IN.json OUT.json`: rewords the `prompt` of every row of a JSON list as the page does on request, for the judge of
 * training/. Prints the share that changed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { withModules } from './bench/load-modules.mjs';

const FOLDER = 'public/models/storybook';
const [from, to] = process.argv.slice(2);
if (!from || !to) {
  console.error('Two files are needed: a list of rows with a `prompt`, and where to write it.');
  process.exit(2);
}

await withModules(async (load) => {
  const read = (name) => readFileSync(`${FOLDER}/${name}`);
  const manifest = JSON.parse(read('manifest.json'));
  const file = (role) => read(manifest.files.find((entry) => entry.role === role).name);
  const [
    { createOrtExecutor },
    { PromptEncoder },
    { openWeights },
    { memorySource },
    { buildLexicon, readPrompt },
    { spansIn },
    { rewordPrompt },
    { Neighbours },
  ] = await Promise.all(
    [
      'backends/ort/index.ts',
      'pipeline/prompt-encoder.ts',
      'weights/open-weights.ts',
      'weights/files/byte-source.ts',
      'app/read-prompt.ts',
      'app/prompt-spans.ts',
      'app/reword-prompt.ts',
      'app/neighbours.svelte.ts',
    ].map((path) => load(`/src/${path}`)),
  );
  const executor = await createOrtExecutor({ provider: 'wasm', precision: 'exact' });
  const weights = { textEncoder: await openWeights(memorySource(file('text-encoder'))) };
  const encoder = new PromptEncoder(executor, { manifest, weights, tokenizer: JSON.parse(file('tokenizer').toString()) });
  const vocabulary = JSON.parse(file('vocabulary').toString());
  const lexicon = buildLexicon(vocabulary);
  const neighbours = new Neighbours((text) => encoder.embed(text, manifest.text.length));
  const rows = JSON.parse(readFileSync(from, 'utf8'));
  let changed = 0;
  for (const row of rows) {
    const spans = spansIn(readPrompt(row.prompt, lexicon), row.prompt);
    const texts = spans.map(({ text }) => text);
    await neighbours.look(texts, vocabulary, () => false);
    const { prompt, changes } = rewordPrompt(row.prompt, spans, { lexicon, vocabulary }, (text) => neighbours.of(text));
    if (changes.length > 0) changed += 1;
    Object.assign(row, { original: row.prompt, prompt });
  }
  writeFileSync(to, JSON.stringify(rows, null, 1));
  console.log(`${changed} of ${rows.length} reworded`);
  await encoder.chain.dispose();
  await executor.dispose();
});
