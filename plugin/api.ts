/** The library: everything that the command line and the plugin do, without their surroundings. */
export { FAULT_FAMILIES, faultByCode } from "./faults/catalogue.ts";
export type { Fault } from "./faults/fault.ts";
export type { ConfirmedFinding, Finding, Remedy, Severity, Verdict } from "./model/finding.ts";
export { type FileSystem, nodeFileSystem } from "./platform/file-system.ts";
export { type Manifest, manifestSchema, parseManifest } from "./quarantine/manifest.ts";
export { type StoredRun, storedRuns } from "./quarantine/vault.ts";
export { type CheckOutcome, type CheckResult, check } from "./repair/check.ts";
export type { CheckInput } from "./repair/check-input.ts";
export { type Plan, planRepair, type Selection } from "./repair/plan.ts";
export { type RepairInput, type RepairResult, repair } from "./repair/repair.ts";
export { planRestore, type RestoreInput, type RestoreResult, restore } from "./repair/restore.ts";
export { makeReport, type Report, type ReportInput } from "./report/report.ts";
export type { Cause, HiddenSession, PartlyShownSession } from "./rescue/hidden.ts";
export type { IncompleteSession } from "./rescue/incomplete.ts";
export {
  type BroughtIn,
  type Exported,
  type Exporting,
  exportHidden,
  type HiddenList,
  type Listing,
  listHidden,
  type RescueInput,
  type RescueRequest,
  type RescueResult,
  rescue,
} from "./rescue/rescue.ts";
export { type ShowInput, type Showing, type ShownSession, showSession } from "./show/show.ts";
export { type Located, type LocateInput, locate } from "./stores/locate.ts";
