#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles the kernels of kernels.def with glslangValidator and writes one C table of SPIR-V words.

build.py KERNELS_DEF OUT.c DEPFILE GLSLANG SPIRV_VAL-or-empty. Where the environment names a folder
BOTTEGA_SHADERS, a table is made once for all build folders that have the same sources and compiler.
Knows the shape of a row; must not know what a kernel does."""
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

KEPT = 4  # tables


def compile_row(row, source_dir, work_dir, glslang, validator):
    _, name, file, defines = row
    spirv = os.path.join(work_dir, name + '.spv')
    command = [glslang, '-V', '--quiet', '-g0', '--target-env', 'vulkan1.2', '-I' + source_dir,
               '-P#extension GL_GOOGLE_include_directive : require']
    command += ['-D' + word for word in defines.split()]
    command += ['-o', spirv, os.path.join(source_dir, file)]
    check = [[validator, '--target-env', 'vulkan1.2', spirv]] if validator else []
    for step in [command] + check:
        done = subprocess.run(step, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f'{name} ({file} {defines}): {done.stdout}{done.stderr}')
    with open(spirv, 'rb') as stream:
        data = stream.read()
    return struct.unpack(f'<{len(data) // 4}I', data)


def read_rows(text):
    """(index in the C table, name, file, defines) of every module that the three tables ask for."""
    kernel = r'\((\w+), "([^"]+)", "([^"]*)", \w+\)$'
    rows = [(f'SHADER_{name}', name, file, defines)
            for name, file, defines in re.findall(r'^SHADER_KERNEL ' + kernel, text, re.M)]
    families = {name: (file, defines)
                for name, file, defines in re.findall(r'^SHADER_FAMILY ' + kernel, text, re.M)}
    brings = [(r'\bMATMUL_INT\b', 'MATMUL_INT MATMUL_TILE MATMUL_MATRIX'),
              (r'\bMATMUL(\w*)', r'MATMUL\1 EXPERTS\1')]
    form = r'^SHADER_FORM \((\w+), "([^"]+)", (\d+), (\d+), (\d+), (\d+), (\d+), "([^"]*)"\)$'
    for name, of, words, high, scales, blocks, supers, features in re.findall(form, text, re.M):
        for named, families_named in brings:
            of = re.sub(named, families_named, of)
        for family in of.split():
            file, defines = families[family]
            rows.append((f'SHADER_FORM_KERNEL (SHADER_FORM_{name}, SHADER_FAMILY_{family})',
                         f'{family}_{name}', file,
                         f'{defines} {features} WORDS={words} HIGH={high} SCALE_UNIT={scales} '
                         f'SCALE_BLOCKS={blocks} SUPERS={supers}'))
    return rows


def write_table(out, rows, words):
    with open(out, 'w', encoding='utf-8') as stream:
        stream.write('/* Made by shaders/build.py from shaders/kernels.def. */\n')
        stream.write('#include "shaders/shaders.h"\n')
        for (_, name, _, _), code in zip(rows, words):
            body = ',\n'.join(','.join(f'0x{w:08x}' for w in code[i:i + 12])
                              for i in range(0, len(code), 12))
            stream.write(f'static const uint32_t {name}[] = {{\n{body}\n}};\n')
        stream.write('const ShaderKernel shader_kernels[SHADER_N_KERNELS] = {\n')
        for index, name, _, _ in rows:
            stream.write(f'  [{index}] = {{ "{name}", {name}, sizeof {name} }},\n')
        stream.write('};\n')


def compile_table(kernels, out, glslang, validator):
    source_dir = os.path.dirname(kernels)
    with open(kernels, encoding='utf-8') as stream:
        rows = read_rows(stream.read())
    with tempfile.TemporaryDirectory() as work_dir, ThreadPoolExecutor(os.cpu_count()) as pool:
        words = list(pool.map(
            lambda row: compile_row(row, source_dir, work_dir, glslang, validator), rows))
    write_table(out, rows, words)


def kept_table(folder, sources, glslang, validator):
    """Where the table of these sources is kept, or is to be; the folder has the last few."""
    digest = hashlib.sha256()
    for path in [os.path.abspath(__file__), *sources]:
        with open(path, 'rb') as stream:
            digest.update(stream.read() + b'\0')
    for tool in filter(None, (glslang, validator)):
        digest.update(subprocess.run([tool, '--version'], capture_output=True, check=True).stdout)
    os.makedirs(folder, exist_ok=True)
    kept = sorted((entry.stat().st_mtime, entry.path) for entry in os.scandir(folder))
    for _, path in kept[:-KEPT]:
        os.unlink(path)
    return os.path.join(folder, digest.hexdigest()[:24] + '.c')


def main():
    kernels, out, depfile, glslang, validator = sys.argv[1:6]
    kernels = os.path.abspath(kernels)
    source_dir = os.path.dirname(kernels)
    sources = [os.path.join(source_dir, f) for f in sorted(os.listdir(source_dir))
               if f.endswith(('.comp', '.glsl', '.h', '.def'))]
    folder = os.environ.get('BOTTEGA_SHADERS')
    kept = kept_table(folder, sources, glslang, validator) if folder else None
    if kept and os.path.exists(kept):
        shutil.copyfile(kept, out)
    else:
        compile_table(kernels, out, glslang, validator)
        if kept:
            shutil.copyfile(out, f'{kept}.{os.getpid()}')
            os.rename(f'{kept}.{os.getpid()}', kept)
    with open(depfile, 'w', encoding='utf-8') as stream:
        stream.write(f'{out}: {" ".join(sources)}\n')


if __name__ == '__main__':
    main()
