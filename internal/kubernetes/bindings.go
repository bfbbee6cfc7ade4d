package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"offboard/internal/atonce"
	"offboard/internal/offboard"
)

const (
	roleBinding        = "RoleBinding"
	clusterRoleBinding = "ClusterRoleBinding"
)

// subjectPrefixes come before the e-mail address in the name of a user: today's, and that of bindings made years ago.
var subjectPrefixes = []string{"IAM#", "https://iam.ng.bluemix.net/IAM#"}

// serviceManaged tells whether IBM keeps a binding in step with IAM: what we changed in it would be overwritten, and it
// loses the leaver at the next synchronisation anyway.
func serviceManaged(name string) bool {
	switch name {
	case "ibm-view", "ibm-edit", "ibm-operate", "ibm-admin":
		return true
	}
	return false
}

// naming are the bindings whose subject is the leaver; addresses are compared without case (trap 21).
func naming(leaver string, all []offboard.Binding) []offboard.Binding {
	var found []offboard.Binding
	for _, b := range all {
		if slices.ContainsFunc(subjectPrefixes, func(prefix string) bool { return strings.EqualFold(b.Subject, prefix+leaver) }) {
			found = append(found, b)
		}
	}
	return found
}

// bindings finds the custom bindings that name people by their address, one entry for every spelling of a name (trap 55).
// Role bindings come first, each kind in the order of the API: by namespace and name.
func (k *client) bindings(ctx context.Context) ([]offboard.Binding, error) {
	var inNamespaces, everywhere []offboard.Binding
	err := atonce.Do(
		func() error {
			err := eachPage(ctx, metav1.ListOptions{}, k.rbac.RoleBindings(metav1.NamespaceAll).List, func(page *rbac.RoleBindingList) {
				for _, b := range page.Items {
					inNamespaces = append(inNamespaces, people(roleBinding, b.ObjectMeta, b.RoleRef, b.Subjects)...)
				}
			})
			return k.fail(ctx, "list the role bindings", err)
		},
		func() error {
			err := eachPage(ctx, metav1.ListOptions{}, k.rbac.ClusterRoleBindings().List, func(page *rbac.ClusterRoleBindingList) {
				for _, b := range page.Items {
					everywhere = append(everywhere, people(clusterRoleBinding, b.ObjectMeta, b.RoleRef, b.Subjects)...)
				}
			})
			return k.fail(ctx, "list the cluster role bindings", err)
		},
	)
	return slices.Concat(inNamespaces, everywhere), err
}

// people are the users that a custom binding names by an address, each spelling once.
func people(kind string, meta metav1.ObjectMeta, role rbac.RoleRef, subjects []rbac.Subject) []offboard.Binding {
	if serviceManaged(meta.Name) {
		return nil
	}
	var found []offboard.Binding
	for _, s := range subjects {
		b := offboard.Binding{Kind: kind, Namespace: meta.Namespace, Name: meta.Name, Subject: s.Name, Role: role.Kind + " " + role.Name}
		address := slices.ContainsFunc(subjectPrefixes, func(prefix string) bool {
			return len(s.Name) > len(prefix) && strings.EqualFold(s.Name[:len(prefix)], prefix)
		})
		if s.Kind == rbac.UserKind && address && !slices.Contains(found, b) {
			found = append(found, b)
		}
	}
	return found
}

// RemoveSubject takes the user b.Subject, spelled like that, out of a custom binding and leaves all others in it; a
// binding with nobody left is deleted. A subject or binding that is not there is nil. Unsupported for the bindings IBM
// manages. Conflict if others keep changing the binding meanwhile.
func (c *Clusters) RemoveSubject(ctx context.Context, clusterID string, b offboard.Binding) error {
	op := "remove " + b.Subject + " from " + b.String() + " in cluster " + clusterID
	if serviceManaged(b.Name) {
		return offboard.Errorf(offboard.Unsupported, op, "IBM manages this binding")
	}
	return c.with(ctx, clusterID, func(k *client) error {
		const attempts = 5
		for range attempts {
			again, err := k.removeSubject(ctx, b)
			if !again {
				return err
			}
		}
		return offboard.Errorf(offboard.Conflict, op, "the binding changed %d times while it was edited", attempts)
	})
}

// removeSubject reads the binding and changes it unless it has changed since; again means that it has.
func (k *client) removeSubject(ctx context.Context, b offboard.Binding) (again bool, err error) {
	api, known := k.binding(b)
	if !known {
		return false, offboard.Errorf(offboard.Unsupported, "edit "+b.String()+" in cluster "+k.cluster, "a %s is no binding", b.Kind)
	}
	meta, subjects, err := api.get(ctx)
	if err = k.fail(ctx, "read "+b.String(), err); offboard.CodeOf(err) == offboard.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	patch, others := without(subjects, b.Subject)
	if len(patch) == 0 {
		return false, nil
	}
	if others == 0 {
		uid, version := meta.GetUID(), meta.GetResourceVersion()
		options := metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}}
		err = k.change(ctx, "delete "+b.String(), api.delete(ctx, options))
	} else {
		body, encodeErr := json.Marshal(patch)
		if encodeErr != nil {
			return false, offboard.Errorf(offboard.Invalid, "edit "+b.String()+" in cluster "+k.cluster, "the patch cannot be encoded")
		}
		err = k.change(ctx, "edit "+b.String(), api.patch(ctx, body))
	}
	switch offboard.CodeOf(err) {
	case offboard.NotFound:
		return false, nil
	case offboard.Conflict, offboard.Invalid: // a failed test of a JSON patch is answered 422
		return true, nil
	}
	return false, err
}

// operation is one step of a JSON patch.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// without is the patch that removes every mention of a user, and how many subjects stay. From the back, so that no
// removal moves what a later one means; each tests that it still is who it was, for an index alone would take
// somebody else out if the binding changed in between.
func without(subjects []rbac.Subject, user string) (patch []operation, others int) {
	for i, s := range slices.Backward(subjects) {
		if s.Kind != rbac.UserKind || s.Name != user {
			others++
			continue
		}
		path := fmt.Sprintf("/subjects/%d", i)
		patch = append(patch,
			operation{Op: "test", Path: path + "/kind", Value: s.Kind},
			operation{Op: "test", Path: path + "/name", Value: s.Name},
			operation{Op: "remove", Path: path})
	}
	return patch, others
}

// bindingAPI is what the two kinds of bindings have in common.
type bindingAPI struct {
	get    func(ctx context.Context) (metav1.Object, []rbac.Subject, error)
	patch  func(ctx context.Context, body []byte) error
	delete func(ctx context.Context, options metav1.DeleteOptions) error
}

func (k *client) binding(b offboard.Binding) (api bindingAPI, known bool) {
	switch b.Kind {
	case roleBinding:
		return editing(b.Name, k.rbac.RoleBindings(b.Namespace), func(b *rbac.RoleBinding) []rbac.Subject { return b.Subjects }), true
	case clusterRoleBinding:
		return editing(b.Name, k.rbac.ClusterRoleBindings(), func(b *rbac.ClusterRoleBinding) []rbac.Subject { return b.Subjects }), true
	}
	return bindingAPI{}, false
}

// bindingClient is the part of client-go's interfaces for bindings that is used here.
type bindingClient[B metav1.Object] interface {
	Get(ctx context.Context, name string, options metav1.GetOptions) (B, error)
	Patch(ctx context.Context, name string, kind types.PatchType, body []byte, options metav1.PatchOptions, subresources ...string) (B, error)
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
}

func editing[B metav1.Object](name string, bindings bindingClient[B], subjects func(B) []rbac.Subject) bindingAPI {
	return bindingAPI{
		get: func(ctx context.Context) (metav1.Object, []rbac.Subject, error) {
			found, err := bindings.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return nil, nil, err
			}
			return found, subjects(found), nil
		},
		patch: func(ctx context.Context, body []byte) error {
			_, err := bindings.Patch(ctx, name, types.JSONPatchType, body, metav1.PatchOptions{FieldManager: fieldManager})
			return err
		},
		delete: func(ctx context.Context, options metav1.DeleteOptions) error {
			return bindings.Delete(ctx, name, options)
		},
	}
}
