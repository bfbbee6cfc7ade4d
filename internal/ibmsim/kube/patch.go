package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/mergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	kjson "k8s.io/apimachinery/pkg/util/json"
)

// patchMedia are the patches understood; server-side apply is not.
var patchMedia = []string{string(types.JSONPatchType), string(types.MergePatchType), string(types.StrategicMergePatchType)}

// patched applies a patch to an object, whose type (schema) knows how its lists merge.
func patched(q *request, old, schema any, patch []byte, media string) ([]byte, error) {
	content, err := json.Marshal(old)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", q.resource, q.name, err)
	}
	switch types.PatchType(media) {
	case types.JSONPatchType:
		operations, err := parseJSONPatch(patch)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		if content, err = operations.apply(content); err != nil {
			return nil, unprocessable(q, err)
		}
		return content, nil
	case types.MergePatchType:
		var target, change any
		if err := kjson.Unmarshal(content, &target); err != nil {
			return nil, fmt.Errorf("decode %s %s: %w", q.resource, q.name, err)
		}
		if err := kjson.Unmarshal(patch, &change); err != nil {
			return nil, apierrors.NewBadRequest(fmt.Sprintf("decode the patch: %v", err))
		}
		return json.Marshal(mergeJSON(target, change))
	default:
		content, err = strategicpatch.StrategicMergePatch(content, patch, schema)
		switch {
		case errors.Is(err, mergepatch.ErrBadJSONDoc), errors.Is(err, mergepatch.ErrBadPatchFormatForPrimitiveList),
			errors.Is(err, mergepatch.ErrUnsupportedStrategicMergePatchFormat):
			return nil, apierrors.NewBadRequest(err.Error())
		case err != nil:
			return nil, unprocessable(q, err)
		}
		return content, nil
	}
}

// unprocessable is the answer to a patch that cannot be applied: 422, reason Invalid.
func unprocessable(q *request, err error) *apierrors.StatusError {
	return apierrors.NewGenericServerResponse(http.StatusUnprocessableEntity, "", q.gr(), q.name, err.Error(), 0, false)
}

// mergeJSON is RFC 7396: null removes, objects merge, anything else replaces.
func mergeJSON(target, patch any) any {
	change, isObject := patch.(map[string]any)
	if !isObject {
		return patch
	}
	merged, isObject := target.(map[string]any)
	if !isObject {
		merged = make(map[string]any, len(change))
	}
	for name, value := range change {
		if value == nil {
			delete(merged, name)
			continue
		}
		merged[name] = mergeJSON(merged[name], value)
	}
	return merged
}
