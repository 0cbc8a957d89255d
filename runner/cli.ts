#!/usr/bin/env node
/** `tributary`. Nothing is imported before the compile cache is on: it halves the start. */
import { enableCompileCache } from 'node:module';

enableCompileCache();
const { main } = await import('./commands/program.ts');
process.exitCode = await main();
