/** The most memory that this process has held since it began. */
export function peakResidentBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
