#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may include whom. The tables below are the architecture; nothing else knows it."""

import os
import re

import tree

EVERYWHERE = ('config.h',)
ENGINE_BASE = ('engine/error.h', 'engine/cache.h', 'engine/pages.h', 'engine/trace.h')

# Folder: what its files may include of the project, as prefixes. The longest folder wins.
LAYERS = {
    'shaders': ('shaders/',),
    'engine/model': (*ENGINE_BASE, 'engine/model/'),
    'engine/text': (*ENGINE_BASE, 'engine/model/', 'engine/text/'),
    'engine/graph': (*ENGINE_BASE, 'engine/model/', 'engine/graph/'),
    'engine/backend.h': (*ENGINE_BASE, 'engine/model/', 'engine/graph/'),
    'engine/cpu': (*ENGINE_BASE, 'engine/model/', 'engine/graph/', 'engine/backend.h',
                   'engine/cpu/'),
    'engine/vulkan': (*ENGINE_BASE, 'engine/model/', 'engine/graph/', 'engine/backend.h',
                      'engine/vulkan/', 'shaders/'),
    'engine/split': (*ENGINE_BASE, 'engine/model/', 'engine/graph/', 'engine/backend.h',
                     'engine/split/'),
    'engine/session': (*ENGINE_BASE, 'engine/model/', 'engine/text/', 'engine/graph/',
                       'engine/backend.h', 'engine/session/', 'engine/engine.h',
                       'engine/cpu/cpu.h', 'engine/vulkan/vulkan.h'),
    'engine/planner': (*ENGINE_BASE, 'engine/model/', 'engine/graph/', 'engine/backend.h',
                       'engine/session/', 'engine/split/', 'engine/planner/', 'engine/engine.h',
                       'engine/devices.h', 'engine/cpu/cpu.h', 'engine/vulkan/vulkan.h'),
    'engine': ('engine/',),
    'app/ui': ('app/ui/', 'app/assistant/'),
    'app/assistant': ('app/assistant/', 'app/retrieval/', 'app/extract/bottega-extraction.h',
                      'app/privacy/', 'engine/engine.h'),
    'app/extract': ('app/extract/',),
    'app/retrieval': ('app/retrieval/', 'app/extract/bottega-document.h',
                      'app/extract/bottega-extraction.h'),
    'app/privacy': ('app/privacy/',),
    'app/cli': ('app/cli/', 'app/assistant/', 'app/retrieval/', 'engine/engine.h'),
    'tests': ('',),
}

# Header of the system (a pattern): the folders that may include it.
SYSTEM = {
    r'vulkan/': ('engine/vulkan', 'tests'),
    # retrieval may not include the engine, and its scan is one product of a dozen lines
    r'(x86|imm|arm_neon|.*intrin)': ('engine/cpu', 'app/retrieval/bottega-products.c', 'tests'),
    r'gtk/|adwaita|gtksourceview/|gdk|gsk|graphene': ('app/ui', 'tests'),
    r'cmark': ('app/ui', 'app/extract', 'tests'),
    r'sqlite3': ('app/assistant', 'app/retrieval', 'tests'),
    r'poppler': ('app/extract', 'app/ui', 'tests'),
    r'(archive|archive_entry|libxml/.*)\.h': ('app/extract', 'tests'),
    r'seccomp\.h': ('app/extract', 'app/assistant/bottega-seal.c', 'tests'),
    r'json-glib/': ('app', 'tests'),
    r'gio/|glib-object|gmodule|glib/gi18n': ('app', 'tests'),
}

# The one door that a session has into each back end.
DOOR = re.compile(r'\b(?:cpu|vulkan)_(?!backend_open\b)\w+ \(')
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
GENERATED = re.compile(r'^(config\.h|.*-resources\.h|shaders-spirv\.h|shaders/.*\.h)$')


def layer(path):
    """The longest entry of LAYERS that holds this path, or None."""
    held = [name for name in LAYERS if path == name or path.startswith(name + '/')]
    return max(held, key=len, default=None)


def project_includes_follow_the_layers(path, text):
    name = layer(path)
    if name is None:
        return [': lies in no layer that check-layers.py knows']
    return [f': may not include "{header}"' for kind, header in INCLUDE.findall(text)
            if kind == '"' and header not in EVERYWHERE and '/' in header
            and not header.startswith(LAYERS[name])]


def project_includes_name_the_path_from_the_root(path, text):
    return [f': no file "{header}" from the root of the tree'
            for kind, header in INCLUDE.findall(text)
            if kind == '"' and not GENERATED.match(header)
            and not os.path.exists(os.path.join(tree.ROOT, header))]


def system_libraries_stay_in_their_layer(path, text):
    complaints = []
    for kind, header in INCLUDE.findall(text):
        for pattern, folders in SYSTEM.items():
            if kind == '<' and re.match(pattern, header) and not path.startswith(folders):
                complaints.append(f': may not include <{header}>, only {", ".join(folders)} may')
    return complaints


def sessions_use_one_door_into_each_back_end(path, text):
    if not path.startswith('engine/session/'):
        return []
    return [f': calls {call}…)' for call in DOOR.findall(text)]


def main():
    tap = tree.Tap()
    tap.self_test(project_includes_follow_the_layers,
                  bad=[('engine/cpu/a.c', '#include "engine/vulkan/vulkan.h"\n'),
                       ('engine/model/a.c', '#include "engine/graph/plan.h"\n'),
                       ('engine/session/a.c', '#include "engine/cpu/kernels.h"\n'),
                       ('app/ui/a.c', '# include "engine/engine.h"\n'),
                       ('app/assistant/a.c', '#include "engine/model/gguf.h"\n'),
                       ('app/retrieval/a.c', '#include "engine/engine.h"\n'),
                       ('elsewhere/a.c', '')],
                  good=[('engine/cpu/a.c', '#include "engine/backend.h"\n#include <glib.h>\n'),
                        ('engine/backend.h', '#include "engine/graph/plan.h"\n'),
                        ('app/ui/a.c', '#include "config.h"\n#include "app/assistant/x.h"\n'),
                        ('tests/engine/a.c', '#include "engine/cpu/cpu.h"\n')])
    tap.self_test(project_includes_name_the_path_from_the_root,
                  bad=[('engine/a.c', '#include "no-such-file.h"\n')],
                  good=[('tests/a.c', '#include "config.h"\n#include <no-such-file.h>\n')])
    tap.self_test(system_libraries_stay_in_their_layer,
                  bad=[('engine/model/a.c', '#include <gio/gio.h>\n'),
                       ('engine/session/a.c', '#include <vulkan/vulkan.h>\n'),
                       ('app/assistant/a.c', '#include <gtk/gtk.h>\n'),
                       ('app/cli/a.c', '#include <adwaita.h>\n')],
                  good=[('engine/vulkan/a.c', '#include <vulkan/vulkan.h>\n'),
                        ('app/ui/a.c', '#include <adwaita.h>\n'),
                        ('engine/model/a.c', '#include <glib.h>\n')])
    tap.self_test(sessions_use_one_door_into_each_back_end,
                  bad=[('engine/session/a.c', 'x = cpu_pool_new (2);')],
                  good=[('engine/session/a.c', 'x = cpu_backend_open (2);'),
                        ('engine/cpu/a.c', 'x = cpu_pool_new (2);')])
    files = tree.paths(*tree.C_FILES, *tree.GLSL_FILES)
    tap.over_tree(project_includes_follow_the_layers, files)
    tap.over_tree(project_includes_name_the_path_from_the_root,
                  [path for path in files if not path.endswith(tree.GLSL_ENDS)])
    tap.over_tree(system_libraries_stay_in_their_layer, files)
    tap.over_tree(sessions_use_one_door_into_each_back_end, files)
    tap.finish()


main()
