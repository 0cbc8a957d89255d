#!/usr/bin/env node
/**
 * `tributary`. The one file in JavaScript: it turns the compile cache on for this process and its
 * threads before any TypeScript is loaded, and so spares each of them the type stripper (24 MB, 0.1 s).
 */
import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache');
enableCompileCache();
const { main } = await import('./commands/program.ts');
process.exitCode = await main();
