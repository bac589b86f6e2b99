export function openExport() {}
