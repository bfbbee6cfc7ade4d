package kube_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestMediaTypes(t *testing.T) {
	c := newCluster(t)
	path := "/api/v1/namespaces/" + ns + "/configmaps"
	answer, status := c.send(http.MethodPost, path, "a: b", map[string]string{"Content-Type": "application/yaml"})
	assert.Equal(t, http.StatusUnsupportedMediaType, answer.StatusCode)
	assert.Equal(t, metav1.StatusReasonUnsupportedMediaType, status.Reason)
	answer, status = c.send(http.MethodPost, path, "k8s\x00nonsense", map[string]string{"Content-Type": "application/vnd.kubernetes.protobuf"})
	assert.Equal(t, http.StatusBadRequest, answer.StatusCode)
	assert.Equal(t, metav1.StatusReasonBadRequest, status.Reason)

	answer, status = c.send(http.MethodGet, path, "", map[string]string{"Accept": "application/yaml"})
	assert.Equal(t, http.StatusNotAcceptable, answer.StatusCode)
	assert.Equal(t, metav1.StatusReasonNotAcceptable, status.Reason)
	for accept, want := range map[string]string{
		"application/vnd.kubernetes.protobuf,application/json":       "application/vnd.kubernetes.protobuf",
		"application/json,application/vnd.kubernetes.protobuf":       "application/json",
		"application/json;q=0.5,application/vnd.kubernetes.protobuf": "application/vnd.kubernetes.protobuf",
		"application/vnd.kubernetes.protobuf;q=0,application/json":   "application/json",
		"application/vnd.kubernetes.protobuf;as=Table,*/*":           "application/json",
		"application/cbor, application/json":                         "application/json",
	} {
		answer, _ = c.send(http.MethodGet, path, "", map[string]string{"Accept": accept})
		assert.Equal(t, http.StatusOK, answer.StatusCode, accept)
		assert.Equal(t, want, answer.Header.Get("Content-Type"), accept)
	}
	answer, _ = c.send(http.MethodGet, "/version", "", map[string]string{"Accept": "application/vnd.kubernetes.protobuf,application/json"})
	assert.Equal(t, "application/json", answer.Header.Get("Content-Type"), "the version has no other form")
	answer, _ = c.send(http.MethodGet, path, "", map[string]string{
		"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"})
	assert.Equal(t, http.StatusOK, answer.StatusCode)
	assert.Equal(t, "application/json", answer.Header.Get("Content-Type"))
	answer, status = c.send(http.MethodPatch, path+"/x", "{}", map[string]string{"Content-Type": "application/apply-patch+yaml"})
	assert.Equal(t, http.StatusUnsupportedMediaType, answer.StatusCode, status.Message)
}
