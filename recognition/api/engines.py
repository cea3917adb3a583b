"""`/api/v1/engines`: which engines are enabled, and what is known of each model."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from vision.engines.overview import overview
from vision.engines.weights import WeightFile


class EngineSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """An enabled engine: a detector and a recognition model."""

    alias = serializers.CharField(help_text="Its name in the settings; `default` is used if a call names no model.")
    model = serializers.CharField()
    detector = serializers.CharField()
    space = serializers.CharField(help_text="Embeddings are comparable within a space only.")
    dimensions = serializers.IntegerField()
    metric = serializers.CharField()
    device = serializers.CharField(
        help_text="Where it runs: `cpu`, `cuda:0`, a provider of ONNX Runtime, or `TensorFlow Serving`."
    )
    missing = serializers.ListField(child=serializers.CharField(), help_text="Weight files that are not in place.")


class WeightFileSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """A file of weights."""

    name = serializers.CharField()
    sha256 = serializers.CharField(allow_blank=True, help_text="Empty if the publisher's file is not pinned.")
    origin = serializers.CharField(help_text="Registry, package, version and member; an installed package; or a URL.")
    in_place = serializers.SerializerMethodField()

    def get_in_place(self, file: WeightFile) -> bool:
        return file.path.is_file()


class ModelCardSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """What is known about a model, and who states it."""

    name = serializers.CharField(source="card.name")
    kind = serializers.CharField(source="card.kind")
    title = serializers.CharField(source="card.title")
    enabled = serializers.BooleanField(help_text="This deployment uses it.")
    permitted = serializers.BooleanField(help_text="`FACEAPP_LICENCE` permits its weights.")
    licence = serializers.CharField(
        source="card.licence", help_text="Of the weights, as it is stated; SPDX if possible."
    )
    code_licence = serializers.CharField(source="card.code_licence")
    training_data = serializers.CharField(source="card.training_data")
    stated_by = serializers.CharField(source="card.source", help_text="Who states licence and training data.")
    accuracy = serializers.CharField(source="card.accuracy", help_text="Measured by this project.")
    dimensions = serializers.IntegerField(source="card.dimensions", allow_null=True)
    files = WeightFileSerializer(source="card.files", many=True)


@extend_schema_serializer(many=False)
class EnginesSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """The engines of a deployment, the default one first, and every model that it could use."""

    licence = serializers.CharField(help_text="The value of `FACEAPP_LICENCE`.")
    engines = EngineSerializer(many=True)
    models = ModelCardSerializer(many=True)


class EngineViewSet(ViewSet):
    """The engines of this deployment."""

    scope_read = None  # open to every key: it says nothing about a client

    @extend_schema(operation_id="engines_retrieve", responses=EnginesSerializer)
    def list(self, request: Request) -> Response:
        """List the enabled engines.

        With space, detector and device, and a card of each model: licence, training data, files.
        """
        return Response(EnginesSerializer(overview()).data)
