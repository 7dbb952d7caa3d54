import { expect, it } from 'vitest';
import { CONTENT_SECURITY_POLICY } from '../../../scripts/headers.mjs';
import type { CspAnswer } from './csp-page';

it("works under Kinora's content security policy, which forbids eval", async () => {
  const script = new URL('./csp-page.ts', import.meta.url).href;
  const frame = document.createElement('iframe');
  frame.allow = 'cross-origin-isolated';
  frame.srcdoc = `<meta http-equiv="Content-Security-Policy" content="${CONTENT_SECURITY_POLICY}"><script type="module" src="${script}"></script>`;
  const answered = new Promise<CspAnswer>((resolve) =>
    addEventListener('message', ({ data }: MessageEvent<{ csp?: CspAnswer }>) => data.csp && resolve(data.csp)),
  );
  document.body.append(frame);
  const { evalAllowed, errors, failure } = await answered;
  expect(failure).toBeUndefined();
  expect(evalAllowed).toBe(false);
  expect(errors.wasm).toBeLessThanOrEqual(1e-5);
  expect(errors.webgpu).toBeLessThanOrEqual(2e-5);
  frame.remove();
});
