interface MemoryMeasuring {
  measureUserAgentSpecificMemory?(): Promise<{ readonly bytes: number }>;
}

/**
 * Bytes that the page and its workers hold, wasm memory and frames included, GPU memory not. The browser answers when it next
 * collects garbage. Null where it doesn't say: it needs cross-origin isolation, and only Chromium has it.
 */
export async function measureMemory(): Promise<number | null> {
  try {
    const { bytes } = (await (performance as Performance & MemoryMeasuring).measureUserAgentSpecificMemory?.()) ?? {};
    return bytes ?? null;
  } catch {
    return null;
  }
}
