/** A defect of the tool that a case has shown. */
export class FoundDefect extends Error {}

export function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new FoundDefect(what);
}
