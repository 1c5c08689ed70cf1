require('reflect-metadata');
const common = require('@nestjs/common');
const core = require('@nestjs/core');
const session = require('nestjs-http-session');

void require('./application.cjs')({ ...common, ...core, ...session });
