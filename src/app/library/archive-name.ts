/** The name of an exported library: `kinora-library-2026-11-26.zip`. */
export function archiveName(now = new Date()): string {
  return `kinora-library-${now.toISOString().slice(0, 10)}.zip`;
}
