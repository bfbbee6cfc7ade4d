package kube

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// object is what the store holds. A stored object never changes: a change stores another one, which may share parts
// with the one before. So readers need no copies and encode without the lock.
type object interface {
	metav1.Object
	runtime.Object
}

type key struct{ namespace, name string }

func keyOf(o object) key { return key{o.GetNamespace(), o.GetName()} }

type ref struct {
	kind kind
	key  key
}

// event is one change, kept for watchers. before is nil for a new object; after is nil for one that is gone, whose
// last state (with the resourceVersion of its removal) is then in before.
type event struct {
	version       int64
	at            time.Time
	kind          kind
	before, after object
}

const (
	// logLength bounds the memory of a busy cluster; a watcher further behind is told to list again, as by etcd's
	// compaction.
	logLength = 512
	// logAge is the age at which a real API server compacts its history.
	logAge = 5 * time.Minute
)

func get[T object](s *Server, k kind, at key) (T, bool) {
	o, found := s.objects[k][at]
	if !found {
		var none T
		return none, false
	}
	return o.(T), true
}

// list returns the objects of a namespace ("" is all) by namespace and name.
func (s *Server) list(k kind, namespace string) []object {
	found := make([]object, 0, len(s.objects[k]))
	for at, o := range s.objects[k] {
		if namespace == "" || at.namespace == namespace {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b object) int { return compareKeys(keyOf(a), keyOf(b)) })
	return found
}

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
}

// put stores o, which the caller must not touch afterwards, under a new resourceVersion and wakes the controllers
// concerned with it.
func (s *Server) put(k kind, o object) {
	s.write(k, o)
	s.touch(k, o)
}

// putStatus is put for the controller of o itself: only the controller above it has to look again.
func (s *Server) putStatus(k kind, o object) {
	s.write(k, o)
	s.touchOwner(o)
}

func (s *Server) write(k kind, o object) {
	s.version++
	o.SetResourceVersion(strconv.FormatInt(s.version, 10))
	if s.objects[k] == nil {
		s.objects[k] = make(map[key]object)
	}
	at := keyOf(o)
	before := s.objects[k][at]
	s.objects[k][at] = o
	s.record(event{version: s.version, kind: k, before: before, after: o})
}

// remove takes an object out of the store, and with it what it owns.
func (s *Server) remove(k kind, at key) {
	o, found := s.objects[k][at]
	if !found {
		return
	}
	delete(s.objects[k], at)
	s.version++
	last := o.DeepCopyObject().(object)
	last.SetResourceVersion(strconv.FormatInt(s.version, 10))
	s.record(event{version: s.version, kind: k, before: last})
	s.touchOwner(o)
	s.afterRemoval(k, o)
}

func (s *Server) record(e event) {
	if !s.visited { // nobody can go on from a version nobody has seen
		s.logStart = e.version
		return
	}
	e.at = s.now()
	s.log = append(s.log, e)
	drop := 0
	if len(s.log) > logLength {
		drop = logLength / 4 // in one go: moving the rest for every event would cost more than the memory
	}
	for drop < len(s.log)-1 && e.at.Sub(s.log[drop].at) > logAge {
		drop++
	}
	if drop > 0 {
		s.logStart = s.log[drop-1].version
		s.log = slices.Delete(s.log, 0, drop)
	}
	s.wakeWatchers()
}

func (s *Server) wakeWatchers() {
	if s.wake != nil {
		close(s.wake)
		s.wake = nil
	}
}

// birth fills in what the server decides about a new object.
func (s *Server) birth(k kind, o object) {
	o.GetObjectKind().SetGroupVersionKind(resources[k].gvk())
	o.SetUID(s.newUID())
	o.SetCreationTimestamp(s.timestamp())
	o.SetDeletionTimestamp(nil)
	o.SetDeletionGracePeriodSeconds(nil)
	o.SetManagedFields(nil)
	o.SetSelfLink("")
	o.SetGeneration(0)
	if resources[k].spec != nil {
		o.SetGeneration(1)
	}
}

// seed is Create for one object.
func (s *Server) seed(in runtime.Object) error {
	k, known := kindOf(in)
	if !known {
		return fmt.Errorf("no such resource")
	}
	o := in.DeepCopyObject().(object)
	r := &resources[k]
	switch {
	case r.namespaced && o.GetNamespace() == "":
		o.SetNamespace(metav1.NamespaceDefault)
	case !r.namespaced:
		o.SetNamespace("")
	}
	if o.GetName() == "" && o.GetGenerateName() != "" {
		o.SetName(o.GetGenerateName() + s.suffix())
	}
	s.birth(k, o)
	r.setDefaults(o)
	if errs := r.check(o, nil); len(errs) > 0 {
		return errs.ToAggregate()
	}
	if _, exists := s.objects[k][keyOf(o)]; exists {
		return fmt.Errorf("%s %q already exists", r.name, o.GetName())
	}
	if _, exists := s.objects[namespaces][key{name: o.GetNamespace()}]; r.namespaced && !exists {
		s.addNamespace(o.GetNamespace())
	}
	s.addonSeeded(k, o)
	s.insert(k, o)
	return nil
}

// insert stores an object that is new and complete.
func (s *Server) insert(k kind, o object) {
	if k == pods {
		s.admitPod(o.(*corev1.Pod))
		return
	}
	s.put(k, o)
}

func (s *Server) addNamespace(name string) {
	n := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	s.birth(namespaces, n)
	resources[namespaces].setDefaults(n)
	s.put(namespaces, n)
}

// timestamp is now as it is on the wire: in whole seconds.
func (s *Server) timestamp() metav1.Time { return metav1.NewTime(s.now().Truncate(time.Second)) }

func (s *Server) newUID() types.UID {
	var raw [16]byte
	for i := 0; i < 16; i += 8 {
		bits := s.rng.Uint64()
		for j := range 8 {
			raw[i+j] = byte(bits >> (8 * j))
		}
	}
	raw[6] = raw[6]&0x0f | 0x40 // the version and variant bits of a random UUID
	raw[8] = raw[8]&0x3f | 0x80
	var text [36]byte
	hex.Encode(text[0:8], raw[0:4])
	hex.Encode(text[9:13], raw[4:6])
	hex.Encode(text[14:18], raw[6:8])
	hex.Encode(text[19:23], raw[8:10])
	hex.Encode(text[24:36], raw[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return types.UID(text[:])
}

// suffix is the random end of a generated name, in the alphabet Kubernetes uses: no vowels, so no words.
func (s *Server) suffix() string {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	r := rand.New(s.rng)
	var text [5]byte
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(text[:])
}

// afterUnlock owes the owner a call.
func (s *Server) afterUnlock(call func()) { s.calls = append(s.calls, call) }

func sameBytes(a, b map[string][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }
