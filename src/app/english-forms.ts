/*
 * As much English grammar as the vocabulary's phrases need, whose verbs are infinitives and whose nouns are singular.
 */

/** A phrase that begins with an infinitive, in the form of another verb. */
export function inflectVerb(phrase: string, like: string): string {
  const [verb = '', ...rest] = phrase.split(' ');
  return [like.endsWith('ing') ? progressive(verb) : /(s|ed)$/.test(like) ? thirdPerson(verb) : verb, ...rest].join(' ');
}

/** walk → walks. */
export function thirdPerson(verb: string): string {
  if (/[^aeiou]y$/.test(verb)) return `${verb.slice(0, -1)}ies`;
  return verb + (/(s|sh|ch|x|z|o)$/.test(verb) ? 'es' : 's');
}

/** run → running. */
export function progressive(verb: string): string {
  const doubled = /^(run|swim|get|spin|hop|drop)$/.test(verb) ? verb + verb.at(-1)! : verb.replace(/([^e])e$/, '$1');
  return `${doubled}ing`;
}

/** fox → foxes. */
export function pluralOf(noun: string): string {
  if (/(fish|sheep)$/.test(noun)) return noun;
  return thirdPerson(noun);
}

/** “a” or “an”, by the letter that follows. */
export function articleFor(noun: string): string {
  return /^[aeio]/.test(noun) ? 'an' : 'a';
}

/** What stands before a phrase, its last article made to fit. */
export function withArticle(before: string, phrase: string): string {
  if (/^(the|camera) /.test(phrase)) return before.replace(/\b(a|an|the)\s+$/i, '');
  return before.replace(/\b(a)n?(\s+)$/i, (_, a: string, space: string) => a + articleFor(phrase).slice(1) + space);
}
