package standin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// readyNodes makes every node that somebody created ready, as its kubelet would, and takes away the taint that a new
// node gets, as the node controller would.
func (s *Standin) readyNodes(ctx context.Context) error {
	nodes, err := s.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	var problems []error
	for _, n := range nodes {
		if err := s.readyNode(ctx, n); err != nil {
			problems = append(problems, fmt.Errorf("make node %s ready: %w", n.Name, err))
		}
	}
	return errors.Join(problems...)
}

func (s *Standin) readyNode(ctx context.Context, node *corev1.Node) error {
	if slices.ContainsFunc(node.Spec.Taints, notReady) {
		node = node.DeepCopy()
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, notReady)
		_, err := s.client.CoreV1().Nodes().Update(ctx, node, metav1.UpdateOptions{})
		return err
	}
	if slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady }) {
		return nil
	}
	node = node.DeepCopy()
	node.Status.Capacity = corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("64Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	node.Status.Allocatable = node.Status.Capacity
	now := metav1.Now()
	node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now,
	})
	_, err := s.client.CoreV1().Nodes().UpdateStatus(ctx, node, metav1.UpdateOptions{})
	return err
}

func notReady(t corev1.Taint) bool { return t.Key == corev1.TaintNodeNotReady }

// schedule puts a pod on a node: the one it wants if it wants one, as the pods of a DaemonSet do, or the next in turn.
// Room is not counted. Where there is no node, the pod says so, as the scheduler would make it.
func (s *Standin) schedule(ctx context.Context, pod *corev1.Pod) error {
	nodes, err := s.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n *corev1.Node) bool {
		return n.Spec.Unschedulable || slices.ContainsFunc(n.Spec.Taints, notReady)
	})
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return cmp.Compare(a.Name, b.Name) })
	name := wantedNode(pod)
	if name == "" && len(nodes) > 0 {
		name = nodes[s.bound%len(nodes)].Name
	}
	if name == "" {
		return s.say(ctx, pod, unschedulable(pod))
	}
	s.bound++
	return s.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: name},
	}, metav1.CreateOptions{})
}

// wantedNode is the node that a pod's affinity names, empty if it names none.
func wantedNode(pod *corev1.Pod) string {
	if pod.Spec.Affinity == nil || pod.Spec.Affinity.NodeAffinity == nil || pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return ""
	}
	for _, term := range pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, field := range term.MatchFields {
			if field.Key == metav1.ObjectNameField && len(field.Values) == 1 {
				return field.Values[0]
			}
		}
	}
	return ""
}
