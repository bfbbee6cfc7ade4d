package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/protobuf"
)

// The encodings of bodies and answers. Everything is JSON inside; protobuf is translated at the door.
const (
	mediaJSON     = "application/json"
	mediaProtobuf = runtime.ContentTypeProtobuf
)

// bodyMedia are the encodings of an object in a request.
var bodyMedia = []string{mediaJSON, mediaProtobuf}

// objectTypes are the types served and the ones that go with requests; protobufs translates them.
var (
	objectTypes = newTypes()
	protobufs   = protobuf.NewSerializer(objectTypes, objectTypes)
)

func newTypes() *runtime.Scheme {
	types := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, rbacv1.AddToScheme, authorizationv1.AddToScheme, autoscalingv1.AddToScheme} {
		if err := add(types); err != nil {
			panic("kube: the types of Kubernetes do not fit together: " + err.Error())
		}
	}
	metav1.AddToGroupVersion(types, schema.GroupVersion{Version: "v1"})
	return types
}

// negotiate finds the encoding of the answer: the first one the caller names, by weight, that is known. A caller without a
// wish gets JSON. Another shape of the object in protobuf, such as a Table, is never given; in JSON the object itself is.
func negotiate(r *http.Request) (media string, ok bool) {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" {
		return mediaJSON, true
	}
	type wish struct {
		media  string
		weight float64
	}
	var wishes []wish
	for _, clause := range strings.Split(accept, ",") {
		name, parameters, err := mime.ParseMediaType(clause)
		if err != nil {
			continue
		}
		one := wish{weight: 1}
		if q, err := strconv.ParseFloat(parameters["q"], 64); err == nil {
			one.weight = q
		}
		switch {
		case name == mediaProtobuf && parameters["as"] == "":
			one.media = mediaProtobuf
		case name == mediaJSON, name == "application/*", name == "*/*":
			one.media = mediaJSON
		default:
			continue
		}
		if one.weight > 0 {
			wishes = append(wishes, one)
		}
	}
	if len(wishes) == 0 {
		return "", false
	}
	slices.SortStableFunc(wishes, func(a, b wish) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	return wishes[0].media, true
}

func notAcceptable() *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusNotAcceptable, Reason: metav1.StatusReasonNotAcceptable,
		Message: "only the following media types are accepted: " + strings.Join(bodyMedia, ", "),
	}}
}

func unsupportedMedia(got string, allowed []string) *apierrors.StatusError {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: http.StatusUnsupportedMediaType, Reason: metav1.StatusReasonUnsupportedMediaType,
		Message: fmt.Sprintf("the body of the request was in an unknown format - accepted media types include: %s (not %q)",
			strings.Join(allowed, ", "), got),
	}}
}

// toJSON translates an object in protobuf.
func toJSON(content []byte) ([]byte, error) {
	o, _, err := protobufs.Decode(content, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("decode the protobuf body: %w", err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode the protobuf body as JSON: %w", err)
	}
	return text, nil
}

// toProtobuf encodes an answer; ok is false for what has no such form.
func toProtobuf(v any) (content []byte, ok bool) {
	o, isObject := v.(runtime.Object)
	if list, isList := v.(objectList); isList {
		o, isObject = list.typed()
	}
	if !isObject {
		return nil, false
	}
	var b bytes.Buffer
	if err := protobufs.Encode(o, &b); err != nil {
		return nil, false
	}
	return b.Bytes(), true
}

// typed is the list as its own type has it.
func (l objectList) typed() (runtime.Object, bool) {
	list, err := objectTypes.New(schema.FromAPIVersionAndKind(l.APIVersion, l.Kind))
	if err != nil {
		return nil, false
	}
	items := make([]runtime.Object, len(l.Items))
	for i, o := range l.Items {
		items[i] = o
	}
	if err := meta.SetList(list, items); err != nil {
		return nil, false
	}
	list.GetObjectKind().SetGroupVersionKind(schema.FromAPIVersionAndKind(l.APIVersion, l.Kind))
	access, err := meta.ListAccessor(list)
	if err != nil {
		return nil, false
	}
	access.SetResourceVersion(l.Metadata.ResourceVersion)
	access.SetContinue(l.Metadata.Continue)
	access.SetRemainingItemCount(l.Metadata.RemainingItemCount)
	return list, true
}

// respond writes an answer in the encoding its caller asked for, or in JSON what has no other.
func respond(w http.ResponseWriter, r *http.Request, code int, v any) {
	content, encoded := []byte(nil), false
	media, _ := negotiate(r)
	if media == mediaProtobuf {
		content, encoded = toProtobuf(pointed(v))
	}
	if !encoded {
		var err error
		media = mediaJSON
		if content, err = json.Marshal(v); err != nil {
			code = http.StatusInternalServerError
			content, _ = json.Marshal(apierrors.NewInternalError(fmt.Errorf("encode the answer: %w", err)).Status())
		}
		content = append(content, '\n')
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Cache-Control", "no-cache, private")
	w.WriteHeader(code)
	w.Write(content) // a caller who has gone away has nothing to be told
}

// pointed gives the answers that are values here the pointers that their methods want.
func pointed(v any) any {
	switch v := v.(type) {
	case metav1.Status:
		return &v
	case metav1.APIVersions:
		return &v
	case metav1.APIGroupList:
		return &v
	case metav1.APIGroup:
		return &v
	case metav1.APIResourceList:
		return &v
	case authorizationv1.SelfSubjectAccessReview:
		return &v
	}
	return v
}

func refuse(w http.ResponseWriter, r *http.Request, err error) {
	var refusal apierrors.APIStatus
	if !errors.As(err, &refusal) {
		refusal = apierrors.NewInternalError(err)
	}
	status := refusal.Status()
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	if status.Details != nil && status.Details.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(status.Details.RetryAfterSeconds))
	}
	respond(w, r, int(status.Code), status)
}
