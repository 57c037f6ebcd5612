package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
)

// maxReferences bounds what one manifest may name; images have a hundred layers at most.
const maxReferences = 1000

// document is what is read of a manifest or an index.
type document struct {
	MediaType types.MediaType `json:"mediaType"`
	Config    *descriptor     `json:"config"`
	Layers    []descriptor    `json:"layers"`
	Manifests []descriptor    `json:"manifests"`
}

type descriptor struct {
	MediaType types.MediaType `json:"mediaType"`
	Digest    string          `json:"digest"`
}

// kinds are the media types that may be pushed.
func kinds() []types.MediaType {
	return []types.MediaType{types.OCIManifestSchema1, types.OCIImageIndex, types.DockerManifestSchema2, types.DockerManifestList}
}

// Parse reads a pushed manifest of the given media type, which may be empty when the manifest says its own.
func Parse(content []byte, mediaType string) (Manifest, error) {
	var found document
	if err := json.Unmarshal(content, &found); err != nil {
		return Manifest{}, invalid("it is no JSON")
	}
	if mediaType == "" {
		mediaType = string(found.MediaType)
	}
	if !slices.Contains(kinds(), types.MediaType(mediaType)) {
		return Manifest{}, invalid("media type %.100q is none of an image, an index or an artefact of OCI", mediaType)
	}
	if found.MediaType != "" && string(found.MediaType) != mediaType {
		return Manifest{}, invalid("it says that it is a %.100q, and was sent as a %.100q", found.MediaType, mediaType)
	}
	sum := sha256.Sum256(content)
	manifest := Manifest{Digest: "sha256:" + hex.EncodeToString(sum[:]), MediaType: mediaType, Size: int64(len(content))}
	return manifest, manifest.refer(found)
}

// refer notes what a manifest is made of. Layers that may not be distributed come from elsewhere.
func (m *Manifest) refer(found document) error {
	blobs := found.Layers
	if found.Config != nil {
		blobs = append(blobs, *found.Config)
	}
	if len(blobs)+len(found.Manifests) > maxReferences {
		return invalid("it names more than %d blobs", maxReferences)
	}
	for _, blob := range blobs {
		if blob.MediaType.IsDistributable() {
			m.Blobs = append(m.Blobs, blob.Digest)
		}
	}
	for _, child := range found.Manifests {
		m.Manifests = append(m.Manifests, child.Digest)
	}
	for _, digest := range slices.Concat(m.Blobs, m.Manifests) {
		if !ValidDigest(digest) {
			return invalid("it names %.100q, which is no sha256 digest", digest)
		}
	}
	return nil
}

// ValidDigest reports whether text is sha256: and 64 hexadecimal digits, and so safe to make a file's name of.
func ValidDigest(text string) bool {
	rest, ok := strings.CutPrefix(text, "sha256:")
	if !ok || len(rest) != 2*sha256.Size || strings.ToLower(rest) != rest {
		return false
	}
	_, err := hex.DecodeString(rest)
	return err == nil
}

func invalid(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, "the manifest is refused: "+format, args...).WithCode("MANIFEST_INVALID")
}

// Put keeps a manifest that Parse has read, under a tag unless that is empty. All that it names must be there.
func (s *Store) Put(repository, tag string, manifest Manifest, content []byte) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	changed := s.copyOf(repository)
	if err := s.whole(changed, manifest); err != nil {
		return err
	}
	if err := authority.WriteFile(s.Path(manifest.Digest), content, fileMode); err != nil {
		return s.full(err)
	}
	manifest.PushedAt = s.now().UTC()
	changed.Manifests[manifest.Digest] = manifest
	replaced := ""
	if tag != "" {
		replaced, changed.Tags[tag] = changed.Tags[tag], manifest.Digest
	}
	if replaced != manifest.Digest {
		changed.release(replaced)
	}
	return s.write(changed)
}

func (s *Store) whole(in *shelf, manifest Manifest) error {
	for _, digest := range manifest.Manifests {
		if _, ok := in.Manifests[digest]; !ok {
			return fairlead.Errorf(fairlead.NotFound, "manifest %s, which this one names, was not pushed", digest).WithCode("MANIFEST_BLOB_UNKNOWN")
		}
	}
	for _, digest := range manifest.Blobs {
		if _, err := os.Stat(s.Path(digest)); err != nil {
			return fairlead.Errorf(fairlead.NotFound, "blob %s, which the manifest names, was not pushed", digest).WithCode("MANIFEST_BLOB_UNKNOWN")
		}
	}
	return nil
}

// release forgets a manifest when no tag and no index names it any more, and then what it alone named.
func (s *shelf) release(digest string) {
	manifest, ok := s.Manifests[digest]
	if !ok || slices.Contains(slices.Collect(maps.Values(s.Tags)), digest) {
		return
	}
	for _, other := range s.Manifests {
		if slices.Contains(other.Manifests, digest) {
			return
		}
	}
	delete(s.Manifests, digest)
	for _, child := range manifest.Manifests {
		s.release(child)
	}
}

// Delete forgets a tag, and what it alone named, or a manifest by its digest with all its tags.
func (s *Store) Delete(ctx context.Context, repository, reference string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	changed := s.copyOf(repository)
	digest, tagged := changed.Tags[reference]
	if !tagged {
		digest = reference
	}
	if _, ok := changed.Manifests[digest]; !ok {
		return fairlead.Errorf(fairlead.NotFound, "nothing like that was pushed to %s", repository).WithCode("MANIFEST_UNKNOWN")
	}
	maps.DeleteFunc(changed.Tags, func(tag, of string) bool { return tag == reference || !tagged && of == digest })
	changed.release(digest)
	if _, kept := changed.Manifests[digest]; kept && !tagged {
		return fairlead.Errorf(fairlead.Conflict, "an index of %s names this manifest; delete the index first", repository).WithCode("DENIED")
	}
	if err := s.write(changed); err != nil {
		return err
	}
	s.sweep(ctx)
	return nil
}

// sweep removes the files of blobs that no manifest names; callers hold the lock or are alone. Blobs of pushes that
// may be under way stay.
func (s *Store) sweep(ctx context.Context) {
	if s.damaged {
		return
	}
	named := map[string]bool{}
	for _, one := range s.shelves {
		for digest, manifest := range one.Manifests {
			named[digest] = true
			for _, blob := range manifest.Blobs {
				named[blob] = true
			}
		}
	}
	entries, err := os.ReadDir(s.folder("blobs/sha256"))
	if err != nil {
		s.log.WarnContext(ctx, "cannot list mirrored blobs", slog.Any("err", err))
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || named["sha256:"+entry.Name()] || s.now().Sub(info.ModTime()) < orphanAge {
			continue
		}
		if err := os.Remove(filepath.Join(s.folder("blobs/sha256"), entry.Name())); err != nil {
			s.log.WarnContext(ctx, "cannot remove a mirrored blob that nothing names", slog.Any("err", err))
		}
	}
}
