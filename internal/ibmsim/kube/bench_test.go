package kube_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"offboard/internal/ibmsim/clock"
	"offboard/internal/ibmsim/kube"
)

// BenchmarkCluster is the cost of one more cluster with five workloads, ten pods, three nodes and a secret, settled. An
// account may have a thousand.
func BenchmarkCluster(b *testing.B) {
	start := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	nodes := []*corev1.Node{
		{ObjectMeta: metav1.ObjectMeta{Name: "10.0.0.1"}}, {ObjectMeta: metav1.ObjectMeta{Name: "10.0.0.2"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "10.0.0.3"}},
	}
	store := secret("storage-secret-store", "x")
	a, d1, d2, set, daemon := deployment("a", 2), deployment("b", 1), deployment("c", 2), statefulSet("d", 2), daemonSet("e")
	b.ReportAllocs()
	for b.Loop() {
		s := kube.New(kube.Options{Clock: clock.NewVirtual(start), PodStart: podStart, PodStop: podStop})
		require.NoError(b, s.Create(nodes[0], nodes[1], nodes[2], store, a, d1, d2, set, daemon))
		s.Settle()
	}
}
