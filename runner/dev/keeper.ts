/** Loaded into the webhook of `tributary dev` before itself: it ends when the process that started it is gone, however it went. */
process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// The listener alone would keep the process alive after its work is done.
process.channel?.unref();
