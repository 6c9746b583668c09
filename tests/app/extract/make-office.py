#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes documents of office formats, books and pages into a folder, each beside what Bottega
should say of it (NAME.expected): its blocks, or the failure. test-office.c compares."""

import os
import sys
import zipfile

CASES = []

ODF = {prefix: f'urn:oasis:names:tc:opendocument:xmlns:{name}:1.0' for prefix, name in {
    'office': 'office', 'text': 'text', 'table': 'table', 'style': 'style', 'draw': 'drawing',
    'presentation': 'presentation', 'meta': 'meta', 'manifest': 'manifest',
    'fo': 'xsl-fo-compatible', 'svg': 'svg-compatible'}.items()}
ODF['dc'] = 'http://purl.org/dc/elements/1.1/'
W = 'http://schemas.openxmlformats.org/wordprocessingml/2006/main'
STRICT_W = 'http://purl.oclc.org/ooxml/wordprocessingml/main'
RELATIONS = 'http://schemas.openxmlformats.org/package/2006/relationships'
OFFICE_RELATION = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
OLE = bytes.fromhex('d0cf11e0a1b11ae1')


def case(name, expected):
    """Registers a function that gives the bytes of a file, or the parts of a zip container."""
    def register(make):
        CASES.append((name, expected, make))
        return make
    return register


def container(parts):
    import io
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def odf_part(root, inside):
    names = ' '.join(f'xmlns:{prefix}="{uri}"' for prefix, uri in ODF.items())
    return f'<?xml version="1.0" encoding="UTF-8"?><office:{root} {names}>{inside}</office:{root}>'


def odf(kind, body, styles='', meta='', language='it', **parts):
    automatic = f'<office:automatic-styles>{styles}</office:automatic-styles>'
    return {
        'mimetype': f'application/vnd.oasis.opendocument.{kind}',
        'content.xml': odf_part('document-content', f'{automatic}<office:body><office:{kind}>{body}'
                                f'</office:{kind}></office:body>'),
        'meta.xml': odf_part('document-meta', f'<office:meta>{meta}</office:meta>'),
        'styles.xml': odf_part('document-styles', '<office:styles>'
                               '<style:default-style style:family="paragraph">'
                               f'<style:text-properties fo:language="{language}"/>'
                               '</style:default-style>'
                               '<style:style style:name="Title" style:family="paragraph"/>'
                               '<style:style style:name="Preformatted_20_Text"'
                               ' style:family="paragraph"/></office:styles>'
                               '<office:master-styles><style:master-page><style:header>'
                               '<text:p>Intestazione</text:p></style:header></style:master-page>'
                               '</office:master-styles>'),
        **parts}


def cell(text, kind='string', more=''):
    inside = f'<text:p>{text}</text:p>' if text else ''
    return (f'<table:table-cell office:value-type="{kind}" {more}>{inside}</table:table-cell>')


def row(*cells):
    return '<table:table-row>' + ''.join(
        text if text.startswith('<') else cell(text) for text in cells) + '</table:table-row>'


@case('struttura.odt', '''
title Statuto dell’associazione
language it
H1 Statuto
H2 Soci
P Chi è socio paga la quota, entro marzo: vedi il sito. Due spazi.
P Salvo il primo anno.
P Testo di un riquadro.
P Il testo è stato inserito qui.
L1 1. primo
L2 interno
P Ancora nel primo punto.
L1 2. secondo
TH Nome | Quota 2023 | Quota 2024
TR Rossi | 10 | 20
TR Rossi | 30 | 40
P Sola cella.
C int main (void)
|   return 0;
''')
def odt_structure():
    styles = ('<style:style style:name="P1" style:family="paragraph"'
              ' style:parent-style-name="Title"/>'
              '<style:style style:name="P2" style:family="paragraph"'
              ' style:parent-style-name="Preformatted_20_Text"/>'
              '<text:list-style style:name="L1"><text:list-level-style-number text:level="1"'
              ' style:num-format="1"/><text:list-level-style-bullet text:level="2"/>'
              '</text:list-style>')
    body = (
        '<text:tracked-changes><text:changed-region><text:deletion><text:p>Cancellato</text:p>'
        '</text:deletion></text:changed-region></text:tracked-changes>'
        '<text:table-of-content><text:index-body><text:p>Soci 1</text:p></text:index-body>'
        '</text:table-of-content>'
        '<text:p text:style-name="P1">Statuto</text:p>'
        '<text:h text:outline-level="2">So<text:span>ci</text:span></text:h>'
        '<text:p>Chi è socio<text:note><text:note-citation>1</text:note-citation><text:note-body>'
        '<text:p>Salvo il primo anno.</text:p></text:note-body></text:note> paga la quota,'
        '<draw:frame><draw:text-box><text:p>Testo di un riquadro.</text:p></draw:text-box>'
        '<svg:title>titolo</svg:title></draw:frame><text:line-break/>entro marzo:'
        '<office:annotation><text:p>Commento</text:p></office:annotation> vedi il <text:a>sito'
        '</text:a>. Due<text:s text:c="2"/>spazi.</text:p>'
        '<text:p>Il testo <text:change-start/>è stato inserito<text:change-end/> qui.</text:p>'
        '<text:list text:style-name="L1"><text:list-item><text:p>primo</text:p><text:list>'
        '<text:list-item><text:p>interno</text:p></text:list-item></text:list>'
        '<text:p>Ancora nel primo punto.</text:p></text:list-item>'
        '<text:list-item><text:p>secondo</text:p></text:list-item></text:list>'
        '<table:table><table:table-header-rows>'
        + row(cell('Nome', more='table:number-rows-spanned="2"'),
              cell('Quota', more='table:number-columns-spanned="2"'),
              '<table:covered-table-cell/>')
        + row('<table:covered-table-cell/>', '2023', '2024') + '</table:table-header-rows>'
        + row(cell('Rossi', more='table:number-rows-spanned="2"'), '10', '20')
        + row('<table:covered-table-cell/>', '30', '40') + '</table:table>'
        '<table:table>' + row('Sola cella.') + '</table:table>'
        '<text:p text:style-name="P2">int main (void)</text:p>'
        '<text:p text:style-name="P2"><text:s text:c="2"/>return 0;</text:p>')
    return odf('text', body, styles, '<dc:title>Statuto dell’associazione</dc:title>')


@case('conti.ods', '''
title Conti
language it
H1 Conti
P Spese del condominio
TH Data | Voce | Importo
TR 03/02/2024 | Luce | 1.234,50 €
TR 04/02/2024 | | 7,00 €
TR 2024-02-05 | Gas | 12.5
H1 Vuoto ma per questo
P solo
''')
def ods():
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    rows = (row('Spese del condominio', empty) + row('Data', 'Voce', 'Importo', empty)
            + row(cell('03/02/2024', 'date'), 'Luce', cell('1.234,50 €', 'currency'), empty)
            + row(cell('04/02/2024', 'date'), '<table:table-cell/>', cell('7,00 €', 'currency'))
            + row(cell('', 'date', 'office:date-value="2024-02-05"'),
                  cell('', more='office:string-value="Gas"'),
                  cell('', 'float', 'office:value="12.5"'))
            + '<table:table-row table:number-rows-repeated="1048576">' + empty
            + '</table:table-row>')
    return odf('spreadsheet', f'<table:table table:name="Conti">{rows}</table:table>'
               '<table:table table:name="Vuoto ma per questo">' + row('solo') + '</table:table>')


@case('lezione.odp', '''
title Primo argomento
language it
pages 2
H1@1 Primo argomento
L1@1 un punto
P@1 Note di chi parla
H1@2 Secondo
''')
def odp():
    def title(text):
        return (f'<draw:frame presentation:class="title"><draw:text-box><text:p>{text}</text:p>'
                '</draw:text-box></draw:frame>')
    return odf('presentation', '<draw:page>' + title('Primo argomento')
               + '<draw:frame><draw:text-box><text:list><text:list-item><text:p>un punto</text:p>'
               '</text:list-item></text:list></draw:text-box></draw:frame><presentation:notes>'
               '<draw:frame><draw:text-box><text:p>Note di chi parla</text:p></draw:text-box>'
               '</draw:frame></presentation:notes></draw:page><draw:page>' + title('Secondo')
               + '</draw:page>')


@case('segreto.odt', '! encrypted')
def odt_encrypted():
    return odf('text', '', **{'META-INF/manifest.xml': odf_part('x', (
        '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/>'
        '</manifest:file-entry>'))})


@case('vuoto.odt', '! no-text')
def odt_empty():
    return odf('text', '<text:p/>')


@case('senza-contenuto.odt', '! damaged')
def odt_without_content():
    parts = odf('text', '')
    del parts['content.xml']
    return parts


@case('tagliato.odt', '! damaged')
def odt_cut():
    return container(odf('text', '<text:p>testo</text:p>' * 500))[:-200]


@case('xml-rotto.odt', '! damaged')
def odt_broken():
    return {**odf('text', ''), 'content.xml': odf_part('a', '<text:p>testo</text:h>')}


@case('entita.odt', '! damaged')
def odt_entity_bomb():
    entities = '<!ENTITY a "ah ah ah ah ah">' + ''.join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    return {**odf('text', ''), 'content.xml': f'<!DOCTYPE x [{entities}]>' + odf_part(
        'document-content', '<text:p>&j;</text:p>').split('?>')[1]}


@case('entita-esterna.odt', '! damaged')
def odt_external_entity():
    return {**odf('text', ''), 'content.xml':
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + odf_part(
                'document-content', '<text:p>&a;</text:p>').split('?>')[1]}


@case('profondo.odt', '! too-big')
def odt_deep():
    return odf('text', '<text:section>' * 5000 + '<text:p>x</text:p>' + '</text:section>' * 5000)


@case('bomba.odt', '! too-big')
def odt_zip_bomb():
    return odf('text', '<text:p>' + ' ' * 60_000_000 + '</text:p>')


@case('celle.ods', '''
title Celle
language it
H1 Celle
TH a | a | a
TR 1 | 2
''')
def ods_cells_bomb():
    """A million rows of a million cells, as text and as nothing."""
    many = 'table:number-columns-repeated="1000000"'
    rows = row(cell('a', more='table:number-columns-repeated="3"'), f'<table:table-cell {many}/>')
    rows += row(cell('1', 'float'), cell('2', 'float'), f'<table:table-cell {many}/>').replace(
        '<table:table-row>', '<table:table-row table:number-rows-repeated="1000000">')
    rows += f'<table:table-row {many.replace("columns", "rows")}><table:table-cell {many}/>' \
        '</table:table-row>'
    return odf('spreadsheet', f'<table:table table:name="Celle">{rows}</table:table>')


@case('percorsi.odt', '''
title Titolo
language it
H1 Titolo
''')
def odt_paths():
    """Names that lead out of the container are names like others."""
    return {'../../etc/passwd.xml': '<x/>', '/content.xml': '<x/>', 'C:\\content.xml': '<x/>',
            **odf('text', '<text:h text:outline-level="1">Titolo</text:h>')}


def docx(body, namespace=W, **parts):
    def part(root, inside):
        return (f'<?xml version="1.0"?><w:{root} xmlns:w="{namespace}" xmlns:mc="http://schemas.'
                f'openxmlformats.org/markup-compatibility/2006">{inside}</w:{root}>')
    styles = (
        '<w:docDefaults><w:rPrDefault><w:rPr><w:lang w:val="it-IT"/></w:rPr></w:rPrDefault>'
        '</w:docDefaults>'
        '<w:style w:type="paragraph" w:styleId="Titolo1"><w:name w:val="heading 1"/><w:pPr>'
        '<w:outlineLvl w:val="0"/></w:pPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="Mio"><w:name w:val="Mio"/>'
        '<w:basedOn w:val="Titolo2"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Titolo2"><w:name w:val="heading 2"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Sommario1"><w:name w:val="toc 1"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Giro"><w:basedOn w:val="Giro"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Elenco"><w:name w:val="List Bullet"/><w:pPr>'
        '<w:numPr><w:numId w:val="2"/></w:numPr></w:pPr></w:style>')
    numbering = (
        '<w:abstractNum w:abstractNumId="0"><w:lvl w:ilvl="0"><w:start w:val="3"/>'
        '<w:numFmt w:val="decimal"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/>'
        '</w:lvl></w:abstractNum><w:abstractNum w:abstractNumId="1"><w:lvl w:ilvl="0">'
        '<w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
        '<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>')
    notes = ('<w:footnote w:id="0" w:type="separator"><w:p><w:r><w:t>riga</w:t></w:r></w:p>'
             '</w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>Nota al piede.</w:t></w:r></w:p>'
             '</w:footnote>')
    return {
        '[Content_Types].xml': '<Types/>',
        '_rels/.rels': f'<Relationships xmlns="{RELATIONS}"><Relationship Id="r" '
                       f'Type="{OFFICE_RELATION}/officeDocument" Target="/word/document.xml"/>'
                       '</Relationships>',
        'word/document.xml': part('document', f'<w:body>{body}</w:body>'),
        'word/styles.xml': part('styles', styles),
        'word/numbering.xml': part('numbering', numbering),
        'word/footnotes.xml': part('footnotes', notes),
        'word/header1.xml': part('hdr', '<w:p><w:r><w:t>Intestazione</w:t></w:r></w:p>'),
        **parts}


def p(text, properties=''):
    inside = text if text.startswith('<') else f'<w:r><w:t>{text}</w:t></w:r>'
    return f'<w:p><w:pPr>{properties}</w:pPr>{inside}</w:p>'


def style(name):
    return f'<w:pStyle w:val="{name}"/>'


def tc(text, properties=''):
    return f'<w:tc><w:tcPr>{properties}</w:tcPr>{p(text)}</w:tc>'


@case('contratto.docx', '''
title Contratto di locazione
language it
H1 Contratto
H2 Canone
H3 Livello diretto
P Il canone è di 500 € al mese, ogni mese.
P Nota al piede.
P Dopo un giro.
L1 3. primo
L2 a. sotto
L1 4. secondo
L1 punto
TH Mese | Canone
TR Gennaio | 500
TR Gennaio | 510
TR Marzo | dentro e accanto
P Casella di testo.
P Prima e dopo.
''')
def docx_structure():
    run = '<w:r><w:t xml:space="preserve">{}</w:t></w:r>'
    number = '<w:numPr><w:ilvl w:val="{}"/><w:numId w:val="1"/></w:numPr>'
    body = (
        '<w:sdt><w:sdtPr><w:docPartObj><w:docPartGallery w:val="Table of Contents"/>'
        '</w:docPartObj></w:sdtPr><w:sdtContent>' + p('Indice') + '</w:sdtContent></w:sdt>'
        + p('Contratto 1', style('Sommario1'))
        + p('Contratto', style('Titolo1')) + p('Canone', style('Mio'))
        + p('Livello diretto', '<w:outlineLvl w:val="2"/>')
        + '<w:p>' + run.format('Il canone è di ') + '<w:del><w:r><w:delText>400</w:delText></w:r>'
        '</w:del><w:ins>' + run.format('500') + '</w:ins><w:r><w:footnoteReference w:id="2"/></w:r>'
        '<w:r><w:rPr><w:vanish/></w:rPr><w:t>nascosto</w:t></w:r>'
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>DATE</w:instrText></w:r>'
        '<w:hyperlink>' + run.format(' € al mese,') + '</w:hyperlink><w:moveFrom>'
        + run.format('mosso') + '</w:moveFrom><w:r><w:tab/><w:t>ogni mese.</w:t></w:r></w:p>'
        + p('Dopo un giro.', style('Giro'))
        + p('primo', number.format(0)) + p('sotto', number.format(1))
        + p('secondo', number.format(0)) + p('punto', style('Elenco'))
        + '<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>' + tc('Mese') + tc('Canone')
        + '</w:tr><w:tr>' + tc('Gennaio', '<w:vMerge w:val="restart"/>') + tc('500')
        + '</w:tr><w:tr>'
        + tc('<w:r/>', '<w:vMerge/>') + tc('510') + '</w:tr><w:tr>' + tc('Marzo')
        + '<w:tc><w:tbl><w:tr>' + tc('dentro') + '</w:tr></w:tbl>' + p('e accanto')
        + '</w:tc></w:tr></w:tbl>'
        + '<w:p><mc:AlternateContent><mc:Choice><w:txbxContent>' + p('Casella di testo.')
        + '</w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent>' + p('Casella di testo.')
        + '</w:txbxContent></mc:Fallback></mc:AlternateContent>' + run.format('Prima')
        + '<w:r><w:br/></w:r>' + run.format('e dopo.') + '</w:p>')
    return docx(body, **{'docProps/core.xml': '<x xmlns:dc="http://purl.org/dc/elements/1.1/">'
                         '<dc:title>Contratto di locazione</dc:title></x>'})


@case('rigoroso.docx', '''
title Titolo
language it
H1 Titolo
''')
def docx_strict():
    return docx(p('Titolo', style('Titolo1')), STRICT_W)


@case('relazioni.docx', '''
title Titolo
language it
H1 Titolo
''')
def docx_wrong_relations():
    """Relations that lead nowhere: the usual names are taken."""
    wrong = ''.join(f'<Relationship Type="{OFFICE_RELATION}/{kind}" Target="{target}"/>'
                    for kind, target in (('officeDocument', '../../../etc/passwd'),
                                         ('styles', 'http://example.org/s.xml'), ('numbering', '')))
    return docx(p('Titolo', style('Titolo1')), **{
        '_rels/.rels': f'<Relationships xmlns="{RELATIONS}">{wrong}</Relationships>',
        'word/_rels/document.xml.rels': '<Relationships', 'word/footnotes.xml': '<w:footnotes'})


@case('senza-documento.docx', '! damaged')
def docx_without_document():
    parts = docx('')
    del parts['word/document.xml']
    return parts


@case('password.docx', '! encrypted')
def docx_encrypted():
    return OLE + bytes(500) + 'EncryptedPackage'.encode('utf-16-le') + bytes(500)


@case('vecchio.doc', '! unsupported')
def doc():
    return OLE + bytes(2000)


@case('finto.docx', '! damaged')
def docx_is_text():
    return b'This is no container at all.\n'


def epub(chapters, package='', extra=None, metadata=''):
    names = [f'c{i}.xhtml' for i in range(len(chapters))]
    items = ''.join(f'<item id="i{i}" href="text/c%{0x30 + i:x}.xhtml"'
                    ' media-type="application/xhtml+xml"/>' for i in range(len(names)))
    spine = ''.join(f'<itemref idref="i{i}"/>' for i in range(len(names)))
    parts = {
        'mimetype': 'application/epub+zip',
        'META-INF/container.xml': '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:'
                                  'container"><rootfiles><rootfile full-path="OEBPS/b.opf"/>'
                                  '</rootfiles></container>',
        'OEBPS/b.opf': '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/'
                       f'elements/1.1/"><metadata>{metadata}</metadata><manifest>{items}{package}'
                       f'</manifest><spine>{spine}<itemref idref="nav"/><itemref idref="zzz"/>'
                       '</spine><guide><reference type="cover" href="text/c0.xhtml"/></guide>'
                       '</package>', **(extra or {})}
    for name, body in zip(names, chapters):
        parts[f'OEBPS/text/{name}'] = (
            '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"'
            ' xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head>'
            f'<body>{body}</body></html>')
    return parts


@case('libro.epub', '''
title I promessi
language it
pages 13
H1 Capitolo primo
P Quel ramo del lago, sempre.
P@12 Fine di pagina 12.
P@13 Pagina nuova.
H2@13 Secondo
''')
def book():
    contents = ''.join(f'<li><a href="c{i}.xhtml">Capitolo {i}</a></li>' for i in range(6))
    return epub(
        ['<p>Copertina</p>', f'<h1>Indice</h1><ol>{contents}</ol>',
         '<section><h1>Capitolo<br/>primo</h1><p>Quel ramo<i/> del&nbsp;lago, <b>sempre</b>.</p>'
         '<span epub:type="pagebreak" id="page12">12</span><p>Fine di pagina 12.</p>'
         '<p><span role="doc-pagebreak" aria-label="13"/>Pagina nuova.</p></section>',
         '<h2>Secondo</h2>'],
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        {'OEBPS/nav.xhtml': '<html><body><p>Navigazione</p></body></html>'},
        '<dc:title>I promessi</dc:title><dc:language>it-IT</dc:language>')


@case('cartella.epub', '''
title Nella cartella
H1 Capitolo
P Il testo.
''')
def book_in_a_folder():
    parts = epub(['<p>Copertina</p>', '<h1>Capitolo</h1><p>Il testo.</p>'],
                 metadata='<dc:title>Nella cartella</dc:title>')
    del parts['mimetype']
    return {f'epub/{name}': part for name, part in parts.items()}


@case('cartella-protetta.epub', '! encrypted')
def book_in_a_folder_encrypted():
    return {f'epub/{name}': part for name, part in book_encrypted().items()}


@case('protetto.epub', '! encrypted')
def book_encrypted():
    return epub(['<p>a</p>', '<p>b</p>'], extra={'META-INF/encryption.xml': (
        '<e xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:CipherReference'
        ' URI="OEBPS/text/c1.xhtml"/></e>')})


@case('fuori.epub', '! damaged')
def book_paths():
    return epub([], '<item id="nav" href="../../../etc/passwd" media-type="text/html"/>')


PAGE = '''<!DOCTYPE html><html lang="it-IT"><head><meta charset="{0}">
<title>Perché la pagina</title>
<style>p {{ color: red }}</style><script>var a = "<p>no</p>";</script></head><body>
<nav><a href="/">Inizio</a></nav><header><ul class="menu"><li><a href="/a">Chi siamo</a><li>
<a href="/b">Contatti</a><li><a href="/c">Città</a></ul></header>{1}
<footer>Tutti i diritti riservati</footer></body></html>'''

ARTICLE = '''<h1>Però<a class="headerlink" href="#x">¶</a></h1>
<p>Primo   paragrafo,
 <em>lungo</em>.<p hidden>Nascosto<div style="display: none">Anche</div>
<ol start=4><li>quattro<ul><li>dentro</ul><li><p>cinque</p><p>ancora</p></ol>
<table><caption>Tabella</caption><tr><th>Anno<th>Valore<tr><td rowspan=2>2020<td>1<tr><td>2</table>
<table><tr><td><h2>Colonna</h2><p>Testo messo in pagina.</td><td><p>A lato.</td></tr></table>
<table><tr><td><img src=a><td>Nota<tr><td><td>Testo della nota.</table>
<pre>riga 1
  riga <b>2</b></pre>
<dl><dt>Voce<dd>Che cosa vuol dire</dl><blockquote>Citazione</blockquote>'''

ARTICLE_BLOCKS = '''H1 Però
P Primo paragrafo, lungo.
L1 4. quattro
L2 dentro
L1 5. cinque
P ancora
P Tabella
TH Anno | Valore
TR 2020 | 1
TR 2020 | 2
H2 Colonna
P Testo messo in pagina.
P A lato.
P Nota
P Testo della nota.
C riga 1
|   riga 2
L1 Voce
P Che cosa vuol dire
P Citazione
'''
PAGE_BLOCKS = '\ntitle Perché la pagina\nlanguage it\n' + ARTICLE_BLOCKS


@case('pagina.html', PAGE_BLOCKS)
def page():
    return PAGE.format('utf-8', ARTICLE).encode()


@case('principale.html', PAGE_BLOCKS)
def page_with_main():
    return PAGE.format('utf-8', f'<div>Pubblicità</div><main>{ARTICLE}</main><div>Altro</div>'
                       ).encode()


@case('latino.html', PAGE_BLOCKS)
def page_latin():
    return PAGE.format('iso-8859-1', ARTICLE).encode('cp1252')


@case('sedici.html', PAGE_BLOCKS)
def page_utf16():
    return PAGE.format('utf-16', ARTICLE).encode('utf-16')


@case('elenco.html', '''
title Elenco
L1 Uno
L1 Due
L1 Tre
''')
def page_of_links():
    """A list of links is left in where it is all that a page says."""
    items = ''.join(f'<li><a href="{name}">{name}</a></li>' for name in ('Uno', 'Due', 'Tre'))
    return f'<title>Elenco</title><ul>{items}</ul>'.encode()


@case('senza-corpo.html', '''
title Senza corpo
P Testo.
''')
def page_without_body():
    return b'<!DOCTYPE html><title>Senza corpo</title><section><p>Testo.</section>'


@case('profonda.html', '! too-big')
def page_deep():
    return b'<div>' * 100_000


@case('immagine.html', '! unsupported')
def page_binary():
    return bytes(range(256)) * 20


def main(folder):
    for name, expected, make in CASES:
        made = make()
        with open(os.path.join(folder, name), 'wb') as out:
            out.write(made if isinstance(made, bytes) else container(made))
        with open(os.path.join(folder, name + '.expected'), 'w', encoding='utf-8') as out:
            out.write(expected.lstrip('\n').rstrip('\n') + '\n')


main(sys.argv[1])
