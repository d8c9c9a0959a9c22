"""A nuPlan map (GeoPackage: SQLite with geometries) read in metres, layer by layer.

Geometries stand in the layer's own reference system and are projected to the one that the
map's `meta` names, in which the poses of the recordings are given.
"""

import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from drivetrain.data.converters.contract import Options, UnfitFileError
from drivetrain.errors import NotFoundError, RequestError
from drivetrain.text import quote

VERSIONS = {
    "sg-one-north": "9.17.1964",
    "us-ma-boston": "9.12.1817",
    "us-nv-las-vegas-strip": "9.15.1915",
    "us-pa-pittsburgh-hazelwood": "9.17.1937",
}
"""The versions that the recordings of nuPlan 1.1 were driven on."""

_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
"""By the code in the flags of a geometry's header (GeoPackage 1.3, 2.1.3)."""

Geometries = NDArray[np.object_]


@dataclass(frozen=True, slots=True)
class Layer:
    """Rows of one layer: `fid` and the columns asked for, and where asked for the shapes."""

    columns: dict[str, list[Any]]
    shapes: Geometries

    def ids(self, name: str) -> list[str | None]:
        """A column of ids, spelled alike."""
        return [id_of(value) for value in self.columns[name]]

    def numbers(self, name: str) -> list[float]:
        """A column of numbers, NaN where there is none."""
        return [_number(value) for value in self.columns[name]]


class MapFile:
    """An open map."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._crs = pyproj.CRS.from_user_input(self._projection())

    @property
    def epsg(self) -> int | None:
        """The code of the system that all shapes come in."""
        return self._crs.to_epsg()

    def layer(self, name: str, columns: Sequence[str] = (), *, shaped: bool = True) -> Layer:
        """A layer's rows in the order of `fid`."""
        names = ["fid", *columns]
        geometry, srs = self._geometry(name) if shaped else ("", 0)
        read = [*columns, geometry] if shaped else columns
        # Whatever the key column is called, SQLite also knows it as rowid.
        listed = ", ".join(["rowid", *(f'"{column}"' for column in read)])
        query = f'SELECT {listed} FROM "{name}" ORDER BY rowid'  # noqa: S608 - our own names
        rows = self._database.execute(query).fetchall()
        values = [list(column) for column in zip(*rows, strict=True)]
        values = values or [[] for _ in range(len(read) + 1)]
        shapes: Geometries = np.empty(0, object)
        if shaped and rows:
            shapes = self._projected(_shapes(values[len(names)]), srs)
        return Layer(dict(zip(names, values, strict=False)), shapes)

    def _projection(self) -> str | int:
        rows = dict(self._database.execute("SELECT key, value FROM meta").fetchall())
        text = str(rows["projectedCoordSystem"]).strip()
        return int(text) if text.isdigit() else text

    def _geometry(self, layer: str) -> tuple[str, int]:
        """The column of a layer's geometries, and their reference system."""
        found = self._database.execute(
            "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?",
            [layer],
        ).fetchone()
        if found is None:
            raise ValueError(f"{layer} has no geometries")
        return str(found[0]).replace('"', ""), int(found[1])

    def _projected(self, shapes: Geometries, srs: int) -> Geometries:
        organization, code, definition = self._database.execute(
            "SELECT organization, organization_coordsys_id, definition FROM "
            "gpkg_spatial_ref_sys WHERE srs_id = ?",
            [srs],
        ).fetchone()
        is_epsg = str(organization).upper() == "EPSG"
        source = pyproj.CRS.from_user_input(int(code) if is_epsg else definition)
        if source == self._crs:
            return shapes
        to = pyproj.Transformer.from_crs(source, self._crs, always_xy=True)
        at = shapely.get_coordinates(shapes)
        placed = np.stack(to.transform(at[:, 0], at[:, 1]), axis=1)
        if not np.isfinite(placed).all():
            raise ValueError("a point lies outside the map's projection")
        return np.asarray(shapely.set_coordinates(shapes, placed))


def open_map(file: Path) -> "closing[sqlite3.Connection]":
    """The map's database, to be read only."""
    uri = f"{file.resolve().as_uri()}?mode=ro&immutable=1"
    return closing(sqlite3.connect(uri, uri=True))


def check_maps(options: Options) -> None:
    """Raises: RequestError or NotFoundError where no maps are named, or none are there."""
    if options.maps is None:
        raise RequestError(
            "nuPlan's maps lie apart from its recordings; name their folder: "
            "`/train data convert nuplan --db FILES --maps DIR --out DIR`."
        )
    if not any(options.maps.rglob("*.gpkg")):
        raise NotFoundError(
            f"There is no map in {quote(str(options.maps), 200)}; name the folder that holds "
            f"`us-nv-las-vegas-strip` and the others: `--maps DIR`."
        )


def find_map(options: Options, name: str) -> Path:
    """The map of a recording.

    Looks for `<name>/<version>/map.gpkg` and `<name>.gpkg`, at any depth of the maps' folder.
    Raises: UnfitFileError where it is missing or of another version.
    """
    found = [] if options.maps is None else sorted(options.maps.rglob("*.gpkg"))
    alone = [file for file in found if file.stem == name]
    versions = {file.parent.name: file for file in found if file.parent.parent.name == name}
    wanted = VERSIONS.get(name)
    if wanted is None and len(versions) == 1:
        return next(iter(versions.values()))
    if wanted in versions:
        return versions[wanted]
    if alone:
        return alone[0]
    raise UnfitFileError(f"other_map_version_{name}" if versions else f"no_map_{name}")


def id_of(value: object) -> str | None:
    """An id spelled in one way: "123", 123 and 123.0 are the same; None where there is none."""
    if isinstance(value, float):
        return str(int(value)) if math.isfinite(value) else None
    text = "" if value is None else str(value).strip()
    whole, _, rest = text.partition(".")
    if not rest.strip("0") and whole.isdigit():
        return str(int(whole))
    return None if text.lower() in ("", "none", "nan") else text


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float, str)) and value != "" else math.nan


def _shapes(blobs: Sequence[bytes | None]) -> Geometries:
    """Geometries behind their headers: `GP`, version, flags, reference system, envelope."""
    empty = shapely.Polygon()
    return np.array([empty if blob is None else _shape(blob) for blob in blobs], object)


def _shape(blob: bytes) -> shapely.Geometry:
    if blob[:2] != b"GP":
        raise ValueError("a geometry lacks its header")
    envelope = (blob[3] >> 1) & 7
    return shapely.force_2d(shapely.from_wkb(blob[8 + _ENVELOPE_BYTES[envelope] :]))
