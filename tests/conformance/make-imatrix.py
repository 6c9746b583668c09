#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""An importance matrix of ones for a model: the peer's quantiser asks for one to make formats of
few bits. usage: make-imatrix.py MODEL OUT        needs numpy and PyPI's gguf"""
import sys

import gguf
import numpy as np

model = gguf.GGUFReader(sys.argv[1])
writer = gguf.GGUFWriter(sys.argv[2], "imatrix")
writer.add_type("imatrix")
writer.add_array("imatrix.datasets", ["ones"])
writer.add_uint32("imatrix.chunk_count", 1)
writer.add_uint32("imatrix.chunk_size", 512)
for tensor in model.tensors:
    if len(tensor.shape) < 2 or not tensor.name.endswith(".weight"):
        continue
    n_experts = int(tensor.shape[2]) if len(tensor.shape) > 2 else 1
    writer.add_tensor(tensor.name + ".in_sum2",
                      np.ones((n_experts, int(tensor.shape[0])), np.float32))
    writer.add_tensor(tensor.name + ".counts", np.ones((n_experts, 1), np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
