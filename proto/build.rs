//! Compiles the contract in `proto/stopline/v1` to Rust, without a system `protoc`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let sources = ["authorisation", "record", "stop_order", "label"]
        .map(|name| format!("proto/stopline/v1/{name}.proto"));
    println!("cargo:rerun-if-changed=proto");

    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(&sources)?;
    let descriptors = compiler.file_descriptor_set();

    prost_build::Config::new()
        // It may hold a card number: `wire` says how it shows itself.
        .skip_debug([".stopline.v1.Authorisation"])
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new()
        .register_descriptors(&compiler.encode_file_descriptor_set())?
        .preserve_proto_field_names()
        .ignore_unknown_fields()
        .build(&[".stopline.v1"])?;
    Ok(())
}
