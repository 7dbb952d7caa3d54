#!/usr/bin/env bash
# Makes src/app/styles/fonts/: the Latin letters of English, in the weights that the page uses (a quarter of the full files' bytes; those
# are fetched only where a prompt needs their other letters). Needs Python with fonttools and brotli; the results are committed.
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python3}
LETTERS=U+20-7E,U+A0,U+B7,U+D7,U+2013,U+2014,U+2018,U+2019,U+201C,U+201D,U+2026,U+2190-2193,U+2212
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
for font in inter fraunces; do
  "$PYTHON" -m fontTools.varLib.instancer -q "node_modules/@fontsource-variable/$font/files/$font-latin-wght-normal.woff2" wght=400:700 -o "$work/$font.ttf"
  "$PYTHON" -m fontTools.subset "$work/$font.ttf" --unicodes="$LETTERS" --flavor=woff2 --layout-features=kern,liga,ccmp,tnum,case \
    --output-file="src/app/styles/fonts/$font-english.woff2"
done
