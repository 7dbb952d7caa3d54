import { describe, expect, it } from 'vitest';
import { cleanPrompt } from '../../src/tokenizers/clean-prompt';
import { fixText } from '../../src/tokenizers/fix-text';
import { unescapeHtml } from '../../src/tokenizers/html-unescape';

describe('unescapeHtml', () => {
  // As Python's html.unescape, the one in Wan's cleaning.
  it.each([
    ['&amp;lt;', '&lt;'],
    ['&lt;b&gt; &quot;x&quot;', '<b> "x"'],
    ['&notit; &notin; &not', '¬it; ∉ ¬'],
    ['&copy2026 &copy;', '©2026 ©'],
    ['&CounterClockwiseContourIntegral;', '∳'],
    ['&nosuch; & &; AT&T', '&nosuch; & &; AT&T'],
    ['&#65;&#x41;&#X41 &#65x', 'AAA Ax'],
    ['&#128;&#150;&#129;', '€–\x81'],
    ['&#0; &#xd800; &#x110000; &#99999999999;', '\ufffd \ufffd \ufffd \ufffd'],
    ['a&#1;b&#11;c&#127;d&#xfdd0;e&#x1ffff;f', 'abcdef'],
    ['&#13;&#10;', '\r\n'],
  ])('%s', (text, expected) => expect(unescapeHtml(text)).toBe(expected));
});

describe('fixText', () => {
  // As ftfy.fix_text 6.3.1.
  it.each([
    ['schÃ¶n, dÃ©jÃ\u00a0 vu', 'schön, déjà vu'],
    ['voilÃ  le travail', 'voilà le travail'],
    ['â€œquotedâ€\u009d â€” donâ€™t', '"quoted" — don\'t'],
    ['Ð›Ð¸Ñ\u0081Ð° Ð±ÐµÐ¶Ð¸Ñ‚', 'Лиса бежит'],
    ['ðŸ¦Š and æ—¥æœ¬èªž', '🦊 and 日本語'],
    ['ÃƒÂ© twice over', 'é twice over'],
    ['caf\u00e9 and donâ€™t', "caf\u00e9 and don't"],
    ['CAFÉ… OÙ? L’ÉTÉ À «PARIS» — Ångström', "CAFÉ… OÙ? L'ÉTÉ À «PARIS» — Ångström"],
    ['smörgåsbord, naïve façade, £5, 100°C ± 5, São João', 'smörgåsbord, naïve façade, £5, 100°C ± 5, São João'],
    ['РїСЂРёРІРµС‚ РјРёСЂ', 'привет мир'],
    ['КРАСНАЯ ЛИСА, Лиса бежит; źdźbło, příliš žluťoučký, κόκκινη', 'КРАСНАЯ ЛИСА, Лиса бежит; źdźbło, příliš žluťoučký, κόκκινη'],
    ['ﬁne oﬃce, Ĳ, ŉ', "fine office, IJ, 'n"],
    ['ＦＵＬＬ　ｗｉｄｔｈ ｶﾞ', 'FULL width ガ'],
    ['\u001b[31mred\u001b[0m\u0007 \ufeffbom \u200bkept', 'red bom \u200bkept'],
    ['one\r\ntwo\rthree\u2028four\u0085five', 'one\ntwo\nthree\nfour…five'],
    ['e\u0301 A\u030a', 'é Å'],
    ['lone \ud83e surrogate', 'lone \ufffd surrogate'],
    ['P&EACUTE;REZ &amp;amp; &nosuch;', 'PÉREZ & &nosuch;'],
    ['&amp; line\n<b> &amp; html\n&amp; after', '& line\n<b> &amp; html\n&amp; after'],
  ])('%s', (text, expected) => expect(fixText(text)).toBe(expected));
});

describe('cleanPrompt', () => {
  it('collapses every kind of white space, keeps case and word joiners', () => {
    expect(cleanPrompt(' A\t\u00a0\u3000FOX\u2028\u001cruns \u2060 ')).toBe('A FOX runs \u2060');
  });

  it('changes nothing in a clean prompt, and nothing when run again', () => {
    const prompts = ['A red fox runs through deep snow at sunrise.', 'Ein Fuchs läuft; 狐狸, 🦊 & co.', ''];
    for (const prompt of prompts) expect(cleanPrompt(prompt)).toBe(prompt);
    expect(cleanPrompt(cleanPrompt('donâ€™t &amp;amp; “panic”'))).toBe('don\'t & "panic"');
  });
});
