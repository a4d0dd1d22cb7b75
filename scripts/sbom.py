"""The list of materials of a release as SPDX 2.3 JSON, from the list of packages in
scripts/install-dependencies.

Direct dependencies only: what these need in turn is the distribution's to say. Versions are those of the
machine that makes the release.
"""
import hashlib
import pathlib
import re
import subprocess
import uuid
from typing import NamedTuple

PACKAGES = "scripts/install-dependencies"
DEPENDENCIES = "cmake/Dependencies.cmake"
# Of the toolchain, or a way to find something else.
NOT_PACKAGES = {"Threads", "PkgConfig"}
NO_LICENCE = "-"


class Package(NamedTuple):
    where: str
    name: str
    licence: str
    cmake_name: str


def listed_packages(root: pathlib.Path) -> list[Package]:
    """The one list. Raises ValueError for a line without a licence."""
    text = (root / PACKAGES).read_text()
    block = re.search(r"^packages='\n(.*?)^'$", text, re.MULTILINE | re.DOTALL)
    if block is None:
        raise ValueError(f"{PACKAGES} has no list packages='...'")
    packages = []
    for line in block.group(1).splitlines():
        columns = line.split()
        if len(columns) not in (3, 4):
            raise ValueError(f"{PACKAGES}: '{line.strip()}': where, package, licence (or -), "
                             f"name in {DEPENDENCIES}")
        packages.append(Package(columns[0], columns[1], columns[2], columns[3] if len(columns) == 4 else ""))
    return packages


def reasons(root: pathlib.Path) -> dict[str, str]:
    """What Dependencies.cmake finds for the product, and what for; what only developers need is left out."""
    text = (root / DEPENDENCIES).read_text()
    product = re.sub(r"^if\(SOTTO_DEVELOPER_MODE\)$.*?^endif\(\)$", "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^\s*(?:find_package|pkg_check_modules)\((\w+)[^#\n]*(?:# *(.*))?$", product,
                       re.MULTILINE)
    return {name: reason for name, reason in found if name not in NOT_PACKAGES}


def problems(root: pathlib.Path) -> list[str]:
    """A library that the product finds and no package with a licence provides, or the other way round."""
    provided = {package.cmake_name for package in listed_packages(root) if package.licence != NO_LICENCE}
    wanted = set(reasons(root))
    return ([f"{DEPENDENCIES} finds {name}; no line of {PACKAGES} has its licence"
             for name in sorted(wanted - provided)]
            + [f"{PACKAGES} names {name}, which {DEPENDENCIES} does not find"
               for name in sorted(provided - wanted - {""})])


def installed_version(name: str) -> str | None:
    try:
        answer = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", name],
                                capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return answer.stdout if answer.returncode == 0 and answer.stdout else None


def material(package: Package, reason: str) -> dict:
    described = {
        "SPDXID": "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", package.name),
        "name": package.name, "supplier": "Organization: Debian", "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION", "licenseDeclared": package.licence, "copyrightText": "NOASSERTION",
    }
    version = installed_version(package.name)
    locator = f"pkg:deb/debian/{package.name.replace('+', '%2B')}"
    if version:
        described["versionInfo"] = version
        locator += "@" + version.replace("+", "%2B").replace(":", "%3A").replace("~", "~")
    described["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                  "referenceLocator": locator}]
    if reason:
        described["comment"] = reason
    return described


def document(root: pathlib.Path, version: str, tarball: pathlib.Path, created: str) -> dict:
    """The whole document. `created` is UTC as 2026-01-31T12:00:00Z."""
    digest = hashlib.sha256(tarball.read_bytes()).hexdigest()
    unique = uuid.uuid5(uuid.NAMESPACE_OID, digest)
    why = reasons(root)
    # Libraries with a package of their own at run time are linked; of the others headers are compiled in.
    kinds = {"runtime": "DYNAMIC_LINK", "build": "STATIC_LINK", "both": "DEPENDS_ON"}
    packages = [package for package in listed_packages(root) if package.licence != NO_LICENCE]
    materials = [material(package, why.get(package.cmake_name, "")) for package in packages]
    product = {
        "SPDXID": "SPDXRef-Package-sotto", "name": "sotto", "versionInfo": version,
        "packageFileName": tarball.name,
        "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION", "primaryPackagePurpose": "SOURCE",
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
    }
    relationships = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                      "relatedSpdxElement": product["SPDXID"]}]
    relationships += [{"spdxElementId": product["SPDXID"], "relationshipType": kinds[package.where],
                       "relatedSpdxElement": described["SPDXID"]}
                      for package, described in zip(packages, materials)]
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"sotto-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/sotto-{version}-{unique}",
        "creationInfo": {"created": created, "creators": ["Tool: sotto-scripts-release"],
                         "comment": "Direct dependencies; their own are the distribution's to list."},
        "packages": [product, *materials], "relationships": relationships,
    }
