import 'reflect-metadata';
import * as common from '@nestjs/common';
import * as core from '@nestjs/core';
import * as session from 'nestjs-http-session';
import run from './application.cjs';

await run({ ...common, ...core, ...session });
