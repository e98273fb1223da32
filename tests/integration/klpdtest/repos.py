# SPDX-License-Identifier: Apache-2.0
"""Repositories by createrepo_c, advisories as Amazon writes them, signed metadata."""
import dataclasses
import gzip
import hashlib
import pathlib
import re
import shutil
import tempfile
import time
from xml.sax.saxutils import escape, quoteattr

from .rpms import run


def stamp(seconds, with_seconds=True):
    """A date in the two forms that Amazon Linux 2 uses."""
    form = "%Y-%m-%d %H:%M:%S" if with_seconds else "%Y-%m-%d %H:%M"
    return time.strftime(form, time.gmtime(seconds))


@dataclasses.dataclass
class Notice:
    id: str
    packages: list                 # of rpms.Package
    severity: str = "important"
    type: str = "security"
    issued: str = ""               # as text, see stamp(); "" leaves the element out
    updated: str = ""
    cves: tuple = ()
    title: str = ""
    description: str = ""
    reboot: bool = False

    def xml(self):
        title = self.title or (f"Amazon Linux 2 - {self.id}: {self.severity} priority package "
                               f"update for {self.packages[0].name if self.packages else 'nothing'}")
        parts = ['<update author="linux-security@amazon.com" from="linux-security@amazon.com"'
                 f' status="final" type={quoteattr(self.type)} version="1.4">',
                 f"<id>{escape(self.id)}</id><title>{escape(title)}</title>"]
        parts += [f"<{name} date={quoteattr(value)} />"
                  for name, value in (("issued", self.issued), ("updated", self.updated)) if value]
        parts.append(f"<severity>{escape(self.severity)}</severity>")
        parts.append(f"<description>{escape(self.description)}</description><references>")
        parts += [f'<reference href="http://cve.mitre.org/cgi-bin/cvename.cgi?name={cve}" '
                  f'id="{cve}" title="" type="cve" />' for cve in self.cves]
        parts.append('</references><pkglist><collection short="amazon-linux-2">'
                     "<name>Amazon Linux 2</name>")
        for p in self.packages:
            parts.append(f'<package arch="{p.arch}" epoch="{p.epoch}" name={quoteattr(p.name)} '
                         f'release="{p.release}" version="{p.version}">'
                         f"<filename>Packages/{escape(p.file_name)}</filename>"
                         + ("<reboot_suggested>True</reboot_suggested>" if self.reboot else "")
                         + "</package>")
        parts.append("</collection></pkglist></update>")
        return "".join(parts)


def updateinfo(notices):
    return ('<?xml version="1.0" ?>\n<updates>' + "".join(n.xml() for n in notices)
            + "</updates>\n")


def described(record, data):
    """The text of a record of repomd.xml with the size and checksum of `data`."""
    digest = hashlib.sha256(data).hexdigest()
    return re.sub(r"<size>\d+", f"<size>{len(data)}", re.sub(
        r'(<checksum type="sha256">)\w+', rf"\g<1>{digest}", record))


class Repository:
    """A folder with packages and metadata. Change `notices` or the packages, then publish()."""

    def __init__(self, folder, notices=(), compression="gz", database=False, key=None):
        self.folder = pathlib.Path(folder)
        self.notices = list(notices)
        self.compression = compression
        self.database = database
        self.key = key

    @property
    def repodata(self):
        return self.folder / "repodata"

    @property
    def repomd(self):
        return self.repodata / "repomd.xml"

    def publish(self, revision=None):
        """Makes the metadata anew; `revision` is also its timestamp (default: now)."""
        revision = int(time.time() if revision is None else revision)
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.repodata, ignore_errors=True)
        run(["createrepo_c", "--quiet", "--workers=1", f"--general-compress-type={self.made_as}",
             f"--revision={revision}", "--set-timestamp-to-revision",
             *([] if self.database else ["--no-database"]), self.folder])
        if self.notices:
            self.add("updateinfo", updateinfo(self.notices))
        for record in self.repodata.iterdir():
            if record.suffix == ".asc":
                record.unlink()
        if self.compression == "zstd":
            self._recompress()
        self._set_timestamps(revision)
        self.sign()
        return self

    @property
    def made_as(self):
        """createrepo_c learnt zstd late: such metadata is made with gzip first."""
        return "gz" if self.compression == "zstd" else self.compression

    def _recompress(self):
        for record in re.findall(r'<data type="([a-z]+)">', self.repomd.read_text()):
            path = self.file_of(record)
            plain = path.with_suffix("")
            plain.write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
            run(["zstd", "-q", "--rm", plain])
            data = plain.with_name(plain.name + ".zst").read_bytes()
            self.edit_record(record, lambda text, data=data: described(text, data).replace(
                ".xml.gz", ".xml.zst"))

    def sign(self):
        if self.key:
            self.key.sign_file(self.repomd)

    def add(self, record, text):
        """Adds a record such as "updateinfo" to repomd.xml, compressed."""
        with tempfile.TemporaryDirectory(prefix="klpd-md-") as scratch:
            path = pathlib.Path(scratch) / f"{record}.xml"
            path.write_text(text, encoding="utf-8")
            run(["modifyrepo_c", f"--mdtype={record}", f"--compress-type={self.made_as}", path,
                 self.repodata])

    def remove(self, record):
        run(["modifyrepo_c", "--remove", record, self.repodata])

    def file_of(self, record):
        """The path of the metadata file of a record."""
        found = re.search(rf'<data type="{record}">.*?<location href="([^"]+)"', self.repomd.read_text(),
                          re.S)
        return self.folder / found.group(1)

    def replace(self, record, data, open_size):
        """Puts other bytes in place of a file that repomd.xml vouches for; open_size None: not stated."""
        self.file_of(record).write_bytes(data)
        stated = "" if open_size is None else f"<open-size>{open_size}</open-size>"
        self.edit_record(record, lambda text: re.sub(
            r"<open-size>\d+</open-size>", stated, described(text, data)))

    def write(self, record, text):
        """Another document, whatever it is, in place of one that was compressed with gzip."""
        data = text.encode("utf-8", "surrogateescape")
        self.replace(record, gzip.compress(data, 1, mtime=0), len(data))

    def edit(self, record, change):
        """Rewrites a document by change(text)."""
        self.write(record, change(gzip.decompress(self.file_of(record).read_bytes()).decode()))

    def edit_repomd(self, change):
        """Rewrites repomd.xml by change(text) and signs it again."""
        self.repomd.write_text(change(self.repomd.read_text()), encoding="utf-8")
        self.sign()

    def edit_record(self, record, change):
        """Rewrites what stands between <data type="record"> and </data>."""
        self.edit_repomd(lambda text: re.sub(
            rf'(<data type="{record}">)(.*?)(</data>)',
            lambda m: m.group(1) + change(m.group(2)) + m.group(3), text, flags=re.S))

    def _set_timestamps(self, revision):
        # modifyrepo_c stamps its own record with the time of the file.
        self.repomd.write_text(re.sub(r"<timestamp>\d+</timestamp>",
                                      f"<timestamp>{revision}</timestamp>",
                                      self.repomd.read_text()), encoding="utf-8")

    def move_to_blobstore(self, blobstore, up):
        """Moves the packages away and names them by `up`/SHA256/FILE, as Amazon Linux 2 does."""
        places = {}
        for rpm in sorted(self.folder.glob("*.rpm")):
            digest = hashlib.sha256(rpm.read_bytes()).hexdigest()
            target = pathlib.Path(blobstore) / digest / rpm.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(rpm, target)
            places[rpm.name] = f"{up}/{digest}/{rpm.name}"
        primary = gzip.decompress(self.file_of("primary").read_bytes()).decode()
        primary = re.sub(r'<location href="([^"]+)"',
                         lambda m: f'<location href="{places.get(m.group(1), m.group(1))}"', primary)
        self.remove("primary")
        self.add("primary", primary)
        self.sign()
