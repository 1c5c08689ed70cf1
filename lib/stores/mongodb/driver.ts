// Compiled to `require()` in both builds. In the ES modules it is one made by `createRequire(import.meta.url)`.
import driver = require('mongodb');

export { driver };
