/** A mistake in templates, arguments or metrics; the text is the original's and reaches the user as it is. */
export class AnalysisSpecError extends Error {
  override readonly name = "AnalysisSpecError";
}
