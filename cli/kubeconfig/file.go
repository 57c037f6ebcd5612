package kubeconfig

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
)

const ownerOnly = 0o600

// errUnchanged ends a change that has nothing to write.
var errUnchanged = errors.New("nothing to write")

// change reads a kubeconfig, lets fn change it, and replaces it in one step, while no other program writes it.
func change(ctx context.Context, path string, fn func(*clientcmdapi.Config) error) error {
	path, err := destination(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the kubeconfig cannot be written: %w", err)
	}
	defer HoldSignals()()
	held, err := acquire(ctx, path+".lock")
	if err != nil {
		return err
	}
	defer held.release()
	config, err := read(path)
	if err != nil {
		return err
	}
	if err := fn(config); err != nil {
		if errors.Is(err, errUnchanged) {
			return nil
		}
		return err
	}
	written, err := content(config)
	if err != nil {
		return err
	}
	if !held.ours() {
		return locked(held.path)
	}
	if err := replace(path, written); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the kubeconfig cannot be written: %w", err)
	}
	return nil
}

// destination follows links, so that a kubeconfig that is one stays one, and refuses a file that its owner has made read-only.
func destination(path string) (string, error) {
	found, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if target, err := os.Readlink(path); err == nil {
			if !filepath.IsAbs(target) {
				target = filepath.Join(filepath.Dir(path), target)
			}
			return target, nil
		}
		return path, nil
	}
	if err != nil {
		return "", fairlead.Errorf(fairlead.Invalid, "the kubeconfig cannot be found: %w", err)
	}
	info, err := os.Stat(found)
	if err == nil && info.Mode().Perm()&0o200 == 0 {
		return "", fairlead.Errorf(fairlead.Invalid, "the kubeconfig %s is read-only: choose another with --file, or - for the output", path).WithCode("KubeconfigReadOnly")
	}
	return found, nil
}

func replace(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // CreateTemp makes it the owner's alone
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(file.Name()))
	}
	return err
}
