import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

export const THEMES = ['dark', 'light'] as const;
const SIZES = [
  { width: 390, height: 844 },
  { width: 768, height: 1024 },
  { width: 1440, height: 900 },
] as const;
/** docs/ keeps the pictures that were looked at: `KINORA_SCREENSHOTS=1 npm run test:e2e appearance` takes them anew, of whole clips. */
export const FOR_DOCS = Boolean(process.env.KINORA_SCREENSHOTS);
const FOLDER = FOR_DOCS ? 'docs/screenshots' : 'test-results/screenshots';

export async function findings(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`));
}

export async function hasSidewaysScroll(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
}

export async function shoot(page: Page, state: string, theme: string, width: number, fullPage = false): Promise<void> {
  await page.waitForTimeout(250); // colours fade, pictures arrive
  await page.screenshot({ path: `${FOLDER}/${state}-${theme}-${width}.jpg`, type: 'jpeg', quality: 74, fullPage });
}

/** Every theme at every size: nothing for axe to find, nothing cut off, a picture of each. */
export async function inspect(page: Page, state: string, fullPage: (width: number) => boolean = () => false): Promise<void> {
  for (const colorScheme of THEMES) {
    await page.emulateMedia({ colorScheme });
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await shoot(page, state, colorScheme, size.width, fullPage(size.width));
      expect(await hasSidewaysScroll(page), `${state} at ${size.width}`).toBe(false);
    }
    expect(await findings(page), `${state}, ${colorScheme}`).toEqual([]);
  }
}
