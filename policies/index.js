// The engine loads this file by require(), after hooking ".ts" there; an import goes past that hook to Node itself.
import './index.ts';
