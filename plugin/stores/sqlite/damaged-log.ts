import { LOG_DAMAGED } from "../../words/refusals.ts";
import { StoreRefusedError } from "../writer.ts";
import { lastingUnreadLog } from "./pages/write-ahead-log.ts";

/**
 * SQLite removes what it cannot read of a WAL as soon as a connection that may write is closed.
 * @throws StoreRefusedError if a part of the WAL would be lost
 */
export async function refuseDamagedLog(database: string): Promise<void> {
  if ((await lastingUnreadLog(database)) !== null) throw new StoreRefusedError("busy", LOG_DAMAGED);
}
