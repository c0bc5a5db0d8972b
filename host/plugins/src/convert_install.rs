//! Between the types of `sandboxed:harness/installer` and those of `sandboxed-model`.

use sandboxed_model::install::{Download, Form, InstallCheck, InstallPlan, InstallStep, Source, Target};

use crate::bindings::harness::exports::sandboxed::harness::installer;

impl From<&Target> for installer::Target {
    fn from(target: &Target) -> Self {
        Self { os: target.os.clone(), arch: target.arch.clone(), libc: target.libc.clone() }
    }
}

impl From<installer::InstallPlan> for InstallPlan {
    fn from(plan: installer::InstallPlan) -> Self {
        Self {
            version: plan.version,
            steps: plan.steps.into_iter().map(Into::into).collect(),
            check: InstallCheck { program: plan.check.program, args: plan.check.args, expects: plan.check.expects },
        }
    }
}

impl From<installer::Step> for InstallStep {
    fn from(step: installer::Step) -> Self {
        match step {
            installer::Step::Download(download) => Self::Download(download.into()),
            installer::Step::Expand(expansion) => Self::Expand { path: expansion.path, target: expansion.target },
            installer::Step::Executable(path) => Self::Executable(path),
        }
    }
}

impl From<installer::Download> for Download {
    fn from(download: installer::Download) -> Self {
        Self {
            source: match download.source {
                installer::Source::Npm(package) => Source::Npm { name: package.name, version: package.version },
                installer::Source::Url(url) => Source::Url(url),
            },
            integrity: download.integrity,
            form: match download.form {
                installer::Form::TarGz(strip) => Form::TarGz { strip },
                installer::Form::File(name) => Form::File(name),
            },
            into: download.into,
        }
    }
}
