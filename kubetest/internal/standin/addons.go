package standin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
)

// addon is what an add-on manager knows of a workload: its manifest, noted before anybody asks that it be kept, because a
// change right after that may be seen together with it.
type addon struct {
	manifest map[string]string // annotations of the template, as last seen before they were kept
	changed  time.Time         // when they were first seen to differ; zero while they do not
}

// manageAddons takes changes of annotations back, of the workloads that ask for it.
func (s *Standin) manageAddons(ctx context.Context) error {
	deployments, err := s.deployments.List(labels.Everything())
	if err != nil {
		return err
	}
	sets, err := s.statefulSets.List(labels.Everything())
	if err != nil {
		return err
	}
	var problems []error
	there := make(map[types.UID]bool)
	manage := func(meta *metav1.ObjectMeta, template *corev1.PodTemplateSpec, patch func(body []byte) error) {
		there[meta.UID] = true
		patience, err := time.ParseDuration(meta.Annotations[Reverting])
		if err != nil { // most have none
			s.addons[meta.UID] = &addon{manifest: maps.Clone(template.Annotations)}
			return
		}
		if err := s.manage(meta.UID, template.Annotations, patience, patch); err != nil {
			problems = append(problems, fmt.Errorf("manage %s/%s: %w", meta.Namespace, meta.Name, err))
		}
	}
	for _, d := range deployments {
		manage(&d.ObjectMeta, &d.Spec.Template, func(body []byte) error {
			_, err := s.client.AppsV1().Deployments(d.Namespace).Patch(ctx, d.Name, types.MergePatchType, body, metav1.PatchOptions{})
			return err
		})
	}
	for _, set := range sets {
		manage(&set.ObjectMeta, &set.Spec.Template, func(body []byte) error {
			_, err := s.client.AppsV1().StatefulSets(set.Namespace).Patch(ctx, set.Name, types.MergePatchType, body, metav1.PatchOptions{})
			return err
		})
	}
	maps.DeleteFunc(s.addons, func(uid types.UID, _ *addon) bool { return !there[uid] })
	return errors.Join(problems...)
}

func (s *Standin) manage(uid types.UID, annotations map[string]string, patience time.Duration, patch func(body []byte) error) error {
	a := s.addons[uid]
	if a == nil {
		a = &addon{manifest: maps.Clone(annotations)}
		s.addons[uid] = a
	}
	if maps.Equal(a.manifest, annotations) {
		a.changed = time.Time{}
		return nil
	}
	if a.changed.IsZero() {
		a.changed = time.Now()
	}
	if time.Since(a.changed) < patience {
		return nil
	}
	wanted := map[string]any{}
	for key := range annotations {
		wanted[key] = nil // takes it away
	}
	for key, value := range a.manifest {
		wanted[key] = value
	}
	type object = map[string]any
	body, err := json.Marshal(object{"spec": object{"template": object{"metadata": object{"annotations": wanted}}}})
	if err != nil {
		return err
	}
	return patch(body)
}
