/** Where a provider notes, beside its own words, why it may have found nothing. */
const HINT = "hint";

/** "" when there is none. */
export function hintOf({ metadata }: { readonly metadata?: Readonly<Record<string, string>> }): string {
  return metadata?.[HINT] ?? "";
}
