/** This package's version, which `package.json` states too; a test holds the two together. */
export const VERSION = '0.1.0';
