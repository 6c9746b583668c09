# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents for tests of the window, written when they are needed: PDF files of a few pages of
text, and one that is no document."""

import os

PAGE = (595, 842)  # A4, in points
MARGIN = 72
LEADING = 18
LINE_CHARS = 70

# Titles and pages. The first one is what the questions are about.
LEASE = ('Lease of the workshop', [
    ['Lease of the workshop',
     'This contract is made between Ada Bianchi, who owns the workshop in Via Garibaldi, and Carlo '
     'Rossi, carpenter, who rents it. The workshop has two rooms, a yard and a storeroom.',
     'The lease begins on the first of March and lasts for six years.'],
    ['Rent',
     'The rent is 640 euros a month and is paid on the fifth day of each month.',
     'The rent may be raised once a year, on the anniversary of the contract, with sixty days of '
     'notice in writing. A raise may not be greater than the rise of prices in that year.'],
    ['Repairs',
     'Small repairs are paid by the tenant. The roof, the walls and the pipes are repaired by the '
     'owner within thirty days.'],
])
GLUE = ('Notes on glue', [
    ['Notes on glue',
     'Hide glue is heated to sixty degrees and never boiled. Joints are clamped for twelve hours.'],
])


def wrap(text):
    line = ''
    for word in text.split():
        if line and len(line) + 1 + len(word) > LINE_CHARS:
            yield line
            line = ''
        line = f'{line} {word}'.strip()
    yield line


def page_stream(paragraphs):
    """The first paragraph is the heading of its page."""
    out, y = ['BT'], PAGE[1] - MARGIN
    for i, paragraph in enumerate(paragraphs):
        font, size = ('B', 20) if i == 0 else ('F', 12)
        for line in wrap(paragraph):
            escaped = line.replace('\\', '\\\\').replace('(', '\\(').replace(')', '\\)')
            out.append(f'/{font} {size} Tf 1 0 0 1 {MARGIN} {y} Tm ({escaped}) Tj')
            y -= LEADING
        y -= LEADING
    out.append('ET')
    return '\n'.join(out)


def write_pdf(path, title, pages):
    """A PDF 1.4 file with a page for each list of paragraphs."""
    n = len(pages)
    kids = ' '.join(f'{5 + 2 * i} 0 R' for i in range(n))
    objects = ['<</Type /Catalog /Pages 2 0 R>>',
               f'<</Type /Pages /Kids [{kids}] /Count {n}>>',
               '<</F <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> '
               '/B <</Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold>>>>',
               f'<</Title ({title})>>']
    for i, paragraphs in enumerate(pages):
        stream = page_stream(paragraphs)
        objects.append(f'<</Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE[0]} {PAGE[1]}] '
                       f'/Contents {6 + 2 * i} 0 R /Resources <</Font 3 0 R>>>>')
        objects.append(f'<</Length {len(stream)}>> stream\n{stream}\nendstream')
    out, offsets = '%PDF-1.4\n', []
    for i, text in enumerate(objects):
        offsets.append(len(out))
        out += f'{i + 1} 0 obj {text} endobj\n'
    xref = len(out)
    out += f'xref\n0 {len(objects) + 1}\n0000000000 65535 f \n'
    out += ''.join(f'{offset:010} 00000 n \n' for offset in offsets)
    out += f'trailer <</Root 1 0 R /Info 4 0 R /Size {len(objects) + 1}>>\n' \
           f'startxref\n{xref}\n%%EOF\n'
    with open(path, 'w', encoding='ascii') as file:
        file.write(out)
    return path


def write_all(folder):
    """Two documents that can be read and one that cannot; the paths by name."""
    paths = {name: write_pdf(os.path.join(folder, name + '.pdf'), *document)
             for name, document in (('lease', LEASE), ('glue', GLUE))}
    paths['broken'] = os.path.join(folder, 'broken.pdf')
    with open(paths['broken'], 'w', encoding='ascii') as file:
        file.write('%PDF-1.4\n1 0 obj <</Type')
    return paths
