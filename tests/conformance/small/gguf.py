# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of PyPI's package gguf as make-models.py uses, so that the tests can make its models
without a network. Source of the format: the GGUF specification."""
import enum
import struct

import numpy as np

ALIGNMENT = 32
TENSOR_TYPES = {np.dtype(np.float32): 0, np.dtype(np.float16): 1}


class GGUFValueType(enum.IntEnum):
    UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9


SCALARS = {0: 'B', 1: 'b', 2: 'H', 3: 'h', 4: 'I', 5: 'i', 6: 'f', 7: '?', 10: 'Q', 11: 'q',
           12: 'd'}


class Field:
    def __init__(self, kind, value):
        self.types, self.data = [kind], value

    def contents(self):
        return self.data


class GGUFReader:
    """The metadata of a file."""

    def __init__(self, path):
        with open(path, 'rb') as self.file:
            _, _, _, n = self.take('4sIQQ')
            self.fields = {}
            for _ in range(n):
                name, (kind,) = self.string(), self.take('I')
                self.fields[name] = Field(kind, self.value(kind))

    def take(self, form):
        return struct.unpack('<' + form, self.file.read(struct.calcsize('<' + form)))

    def string(self):
        return self.file.read(self.take('Q')[0]).decode()

    def value(self, kind):
        if kind == GGUFValueType.STRING:
            return self.string()
        if kind == GGUFValueType.ARRAY:
            of, n = self.take('IQ')
            return [self.string() for _ in range(n)] if of == GGUFValueType.STRING \
                else list(self.take(f'{n}{SCALARS[of]}'))
        return self.take(SCALARS[kind])[0]


def text(value):
    return struct.pack('<Q', len(value.encode())) + value.encode()


class GGUFWriter:
    def __init__(self, path, architecture):
        self.file = open(path, 'wb')
        self.values, self.tensors = [], []
        self.add_string('general.architecture', architecture)

    def add(self, name, kind, value):
        self.values.append(text(name) + struct.pack('<I', kind) + value)

    def add_name(self, name):
        self.add_string('general.name', name)

    def add_string(self, name, value):
        self.add(name, GGUFValueType.STRING, text(value))

    def add_bool(self, name, value):
        self.add(name, GGUFValueType.BOOL, struct.pack('<?', value))

    def add_float32(self, name, value):
        self.add(name, GGUFValueType.FLOAT32, struct.pack('<f', value))

    def add_uint32(self, name, value):
        self.add(name, GGUFValueType.UINT32, struct.pack('<I', value))

    def add_array(self, name, values):
        if isinstance(values[0], str):
            kind, data = GGUFValueType.STRING, b''.join(map(text, values))
        else:
            kind = {bool: GGUFValueType.BOOL, int: GGUFValueType.INT32,
                    float: GGUFValueType.FLOAT32}[type(values[0])]
            data = struct.pack(f'<{len(values)}{SCALARS[kind]}', *values)
        self.add(name, GGUFValueType.ARRAY, struct.pack('<IQ', kind, len(values)) + data)

    def add_tensor(self, name, values):
        self.tensors.append((name, np.ascontiguousarray(values)))

    def write_header_to_file(self):
        self.file.write(struct.pack('<4sIQQ', b'GGUF', 3, len(self.tensors), len(self.values)))

    def write_kv_data_to_file(self):
        self.file.write(b''.join(self.values))

    def pad(self):
        self.file.write(bytes(-self.file.tell() % ALIGNMENT))

    def write_tensors_to_file(self):
        offset = 0
        for name, values in self.tensors:
            shape = values.shape[::-1]
            self.file.write(text(name) + struct.pack(f'<I{len(shape)}QIQ', len(shape), *shape,
                                                     TENSOR_TYPES[values.dtype], offset))
            offset += -(-values.nbytes // ALIGNMENT) * ALIGNMENT
        for _, values in self.tensors:
            self.pad()
            self.file.write(values.tobytes())
        self.pad()

    def close(self):
        self.file.close()
