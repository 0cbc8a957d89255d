export async function schedules(_: unknown): Promise<void> {}
