export { type AuditRecord, recordAudit, recordAudits } from "./record-audit.ts";
